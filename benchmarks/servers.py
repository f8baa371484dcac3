"""
The servers that are compared, as running processes.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, MutableMapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from contestants.entry import FOLDER, Contestant
from harness import HERE, TOP, say
from machine import birth, busySeconds, commandLine, cpuSeconds, descendants

QUESTION = b"GET / HTTP/1.1\r\nHost: benchmark\r\nConnection: close\r\n\r\n"
START_LIMIT = 120.0
STOP_LIMIT = 10.0
ENDINGS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}


class StartError(Exception):
    """
    A server did not come up; the message has the end of what it printed.
    """


class Server:
    """
    A running contestant.

    @ivar primaries: Processes that do not serve: they hand connections over, or help;
        may be empty.
    @ivar workers: Processes that serve.
    """

    def __init__(self, contestant: Contestant) -> None:
        self.name = contestant.name
        self.port = contestant.port
        self._contestant = contestant
        self._log = tempfile.TemporaryFile()
        self._folder = tempfile.TemporaryDirectory(prefix="benchmark-")
        self._mains: list[subprocess.Popen[bytes]] = []
        self._births: dict[int, str | None] = {}
        self.primaries: list[int] = []
        self.workers: list[int] = []

    def start(self) -> None:
        """
        Start, and return when every process is up and at rest.

        @raise StartError: If that takes longer than L{START_LIMIT}.
        """
        if self._contestant.missing:
            raise StartError(f"{self.name}\n{self._contestant.missing}")
        begun = time.monotonic()
        deadline = begun + START_LIMIT
        for name, text in self._contestant.files.items():
            Path(self._folder.name, name).write_text(self._placed(text))
        for command in self._contestant.commands:
            self._mains.append(self._spawn(command))
        while not self._ready():
            self._checkAlive(deadline)
            time.sleep(0.05)
        self.startSeconds = time.monotonic() - begun
        while not self._atRest(0.3):
            self._checkAlive(deadline)
        # Another may have the port, and have answered.
        self._checkAlive(deadline)

    def _placed(self, text: str) -> str:
        """
        Say where the files of the contestant are.
        """
        return text.replace(FOLDER, self._folder.name)

    def _spawn(
        self,
        command: Sequence[str],
        stdin: int = subprocess.DEVNULL,
        stdout: int | None = None,
    ) -> subprocess.Popen[bytes]:
        paths = [str(TOP), os.environ.get("PYTHONPATH", "")]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
            **self._contestant.environment,
        }
        return subprocess.Popen(
            [self._placed(part) for part in command],
            cwd=HERE,
            env=environment,
            stdin=stdin,
            stdout=self._log if stdout is None else stdout,
            stderr=self._log,
            # Not a session: to each the kernel gives an equal share of the processors, so
            # that who has more of them would be ahead.
            preexec_fn=os.setpgrp,
        )

    def _ready(self) -> bool:
        return self._found() and answers(self.port)

    def _found(self) -> bool:
        """
        Look for the processes; true if all are there.
        """
        contestant, mains = self._contestant, [main.pid for main in self._mains]
        if not contestant.children:
            self.primaries = mains[: contestant.before]
            self.workers = mains[contestant.before :]
            return True
        below = descendants(mains[0])
        self._know(below)
        self.workers = [pid for pid in below if contestant.mark in commandLine(pid)]
        self.primaries = [pid for pid in mains + below if pid not in self.workers]
        return len(self.workers) >= contestant.children

    def _checkAlive(self, deadline: float) -> None:
        dead = any(main.poll() is not None for main in self._mains)
        if dead or time.monotonic() > deadline:
            reason = "ended" if dead else f"not ready after {START_LIMIT:.0f} s"
            raise StartError(f"{self.name}: {reason}\n{self.logged()}")

    def _atRest(self, seconds: float) -> bool:
        """
        Watch for a while; true if the processes ran for less than a tenth of it, and did
        not want to either.
        """
        all = [*self.primaries, *self.workers]
        before = sum(map(busySeconds, all))
        time.sleep(seconds)
        return sum(map(busySeconds, all)) - before < seconds / 10

    def cpu(self) -> tuple[float, float]:
        """
        @return: CPU seconds so far of (primaries, workers).
        """
        return sum(map(cpuSeconds, self.primaries)), sum(map(cpuSeconds, self.workers))

    def lost(self) -> int:
        """
        @return: How many of the workers found at the start are gone.
        """
        return sum(birth(pid) is None for pid in self.workers)

    def logged(self) -> str:
        """
        @return: The end of what the server printed.
        """
        self._log.seek(0)
        return self._log.read().decode(errors="replace")[-3000:]

    def stop(self) -> None:
        """
        End every process of this server, by force after L{STOP_LIMIT}.
        """
        self._know([main.pid for main in self._mains])
        for main in self._mains:
            self._know(descendants(main.pid))
            if main.poll() is None:
                main.terminate()
        deadline = time.monotonic() + STOP_LIMIT
        while self._left() and time.monotonic() < deadline:
            time.sleep(0.02)
        for pid in self._left():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for main in self._mains:
            main.wait()
        self._log.close()
        self._folder.cleanup()

    def _know(self, pids: Sequence[int]) -> None:
        """
        Remember processes as ours, so that none is left over.
        """
        for pid in pids:
            self._births.setdefault(pid, birth(pid))

    def _left(self) -> list[int]:
        for main in self._mains:
            main.poll()
        known = self._births.items()
        return [pid for pid, born in known if born and birth(pid) == born]


AnyServer = TypeVar("AnyServer", bound=Server)


@contextmanager
def running(
    contestants: Sequence[Contestant],
    kind: type[AnyServer] = Server,
    leftOut: MutableMapping[str, str] | None = None,
) -> Iterator[list[AnyServer]]:
    """
    Start contestants; end all of them however the block is left. Those that do not
    start are named on standard error and left out.

    @param leftOut: Where to put why, by name.
    """
    servers = [kind(contestant) for contestant in contestants]
    started: list[AnyServer] = []
    try:
        for server in servers:
            try:
                server.start()
                started.append(server)
            except (StartError, OSError) as error:
                say(f"left out: {error}")
                if leftOut is not None:
                    leftOut[server.name] = str(error).strip().splitlines()[-1]
        yield started
    finally:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDINGS)
        for server in servers:
            server.stop()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def answers(port: int) -> bool:
    """
    @return: Whether a server answers a request there, within two seconds.
    """
    try:
        with socket.create_connection(("127.0.0.1", port), 2) as client:
            client.sendall(QUESTION)
            return client.recv(4096).startswith(b"HTTP/1.1 200")
    except OSError:
        return False
