"""
A process with a terminal of its own, and who sits there.
"""

from __future__ import annotations

import os
import pty
import select
import signal
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.process.cluster import PATIENCE, TWISTD, environment, isAlive, membersOf


class AtTerminal:
    """
    C{twistd -n ...}, or another program, run at a terminal, while a C{with} block lasts.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        directory: Path,
        env: Mapping[str, str],
        program: Sequence[str] = (sys.executable, "-c", TWISTD, "-n", "--pidfile="),
    ) -> None:
        """
        @param env: Added to this process's.
        """
        command = [*program, *arguments]
        self._seen = b""
        whole = environment(env)
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.chdir(directory)
            os.execve(command[0], command, whole)

    def __enter__(self) -> AtTerminal:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        left = [self.pid, *membersOf(self.pid)]
        for pid in left:
            if isAlive(pid):
                os.kill(pid, signal.SIGKILL)
        if error is not None:
            print(self.shown())
        os.waitpid(self.pid, 0)
        os.close(self._fd)

    def shown(self) -> str:
        """
        All that can be read there.
        """
        while select.select([self._fd], [], [], 0)[0]:
            try:
                data = os.read(self._fd, 65536)
            except OSError:
                # Nobody has the other end any more.
                break
            if not data:
                break
            self._seen += data
        return self._seen.decode("utf-8", "replace").replace("\r\n", "\n")

    def waitFor(self, text: str, count: int = 1) -> str:
        """
        Wait until a text can be read there, so many times.

        @return: All that can be read there.
        """
        deadline = time.monotonic() + PATIENCE
        while self.shown().count(text) < count:
            assert time.monotonic() < deadline, f"no {text!r} in:\n{self.shown()}"
            select.select([self._fd], [], [], 0.05)
        return self.shown()

    def type(self, text: str) -> None:
        """
        Type something there.
        """
        os.write(self._fd, text.encode())

    def interrupt(self) -> None:
        """
        Type Ctrl-C.
        """
        self.type(termios.tcgetattr(self._fd)[6][termios.VINTR].decode())

    def wait(self) -> int:
        """
        @return: How it ended, as a shell says it.
        """
        deadline = time.monotonic() + PATIENCE
        while True:
            self.shown()
            result = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if result is not None:
                break
            assert time.monotonic() < deadline, f"it lives on:\n{self.shown()}"
            time.sleep(0.01)
        return result.si_status
