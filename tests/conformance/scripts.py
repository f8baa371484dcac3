"""
Scripts run as real primaries, and checked for what they say and leave.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import dedent
from typing import Any

from tests.process.cluster import environment, eventually, isAlive, membersOf

HEADER = "from tests.conformance.prelude import *\n"
PATIENCE = 20.0
Event = dict[str, Any]


class Script:
    """
    A script, running as a primary while a C{with} block lasts.

    It begins with what L{tests.conformance.prelude} offers, and tells what happens with
    C{say("listening", port=port)}. At the end of the block it must end by itself, and
    leave no process, no open port that it said (C{port=} of any event), no socket file.

    @ivar process: The primary.
    @ivar directory: Where it runs.
    """

    def __init__(
        self,
        text: str,
        directory: Path,
        *,
        arguments: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        name: str = "script.py",
        python: Sequence[str] = (sys.executable,),
        fds: Sequence[int] = (),
    ) -> None:
        """
        @param text: The script; it is dedented.
        @param directory: Where it is written and runs: C{tmp_path}.
        @param arguments: Of the script.
        @param env: In addition to this process's.
        @param name: Of its file.
        @param python: The interpreter, with its options.
        @param fds: Descriptors to pass, under the numbers they have here.
        """
        self.directory = directory
        (directory / name).write_text(HEADER + dedent(text))
        self._out = tempfile.TemporaryFile()
        self._err = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [*python, name, *arguments],
            cwd=directory,
            env=environment(env),
            stdin=subprocess.DEVNULL,
            stdout=self._out,
            stderr=self._err,
            start_new_session=True,
            pass_fds=fds,
        )
        self.pid = self.process.pid

    def __enter__(self) -> Script:
        return self

    def __exit__(self, kind: object, problem: object, trace: object) -> None:
        try:
            if problem is None:
                self.wait()
                self.checkNothingLeft()
            else:
                print(self.story())
        finally:
            for pid in {self.pid, *membersOf(self.pid)}:
                if isAlive(pid):
                    os.kill(pid, signal.SIGKILL)
            self.process.wait()

    @property
    def output(self) -> str:
        """
        All of standard output.
        """
        return _textOf(self._out)

    @property
    def errors(self) -> str:
        """
        All of standard error.
        """
        return _textOf(self._err)

    @property
    def events(self) -> list[Event]:
        """
        What has been said, in order.
        """
        found = []
        for line in self.output.splitlines():
            if line.startswith('{"what":'):
                found.append(json.loads(line))
        return found

    def of(self, what: str) -> list[Event]:
        """
        What has been said of one kind, in order.
        """
        return [event for event in self.events if event["what"] == what]

    def the(self, what: str) -> Event:
        """
        The only event of a kind.
        """
        found = self.of(what)
        assert len(found) == 1, f"{len(found)} of {what!r}:\n{self.story()}"
        return found[0]

    def kinds(self, *but: str) -> list[str]:
        """
        The kinds of what has been said, in order, without some.
        """
        return [event["what"] for event in self.events if event["what"] not in but]

    def waitFor(self, what: str, count: int = 1) -> Event:
        """
        Wait until something has been said, so many times.

        @return: The last of these.
        """
        eventually(
            lambda: len(self.of(what)) >= count or self.process.poll() is not None,
            f"{count} of {what!r}",
            PATIENCE,
        )
        assert len(self.of(what)) >= count, f"{count} of {what!r}:\n{self.story()}"
        return self.of(what)[count - 1]

    def wait(self) -> int:
        """
        Wait for the primary's end.

        @return: Its exit code; minus the signal's number if one killed it.
        """
        return self.process.wait(PATIENCE)

    def checkNothingLeft(self) -> None:
        """
        Nothing has outlived the primary, and nobody gave up waiting.
        """
        eventually(lambda: not membersOf(self.pid), "every process has ended", 5.0)
        assert not self.of("guard"), self.story()
        for port in {event["port"] for event in self.events if event.get("port")}:
            if port > 0:
                with socket.socket() as probe:
                    assert probe.connect_ex(("127.0.0.1", port)), f"{port} is open"
        left = [path for path in self.directory.rglob("*") if path.is_socket()]
        assert not left, left

    def story(self) -> str:
        """
        All that the script has written.
        """
        return f"{self.output}\n{self.errors}"


def run(text: str, directory: Path, code: int = 0, **options: Any) -> Script:
    """
    Run a script to its end; options are those of L{Script}.

    @param code: How it must exit.
    """
    with Script(text, directory, **options) as script:
        assert script.wait() == code, script.story()
    return script


def _textOf(file: Any) -> str:
    size = os.fstat(file.fileno()).st_size
    return os.pread(file.fileno(), size, 0).decode("utf-8", "replace")
