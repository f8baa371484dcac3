"""
What the benchmarks share: processes, what they cost, the load generator, tables.
"""

from __future__ import annotations

import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from contestants import Contestant

HERE = Path(__file__).resolve().parent
TOP = next(folder for folder in HERE.parents if (folder / "pyproject.toml").exists())
QUESTION = b"GET / HTTP/1.1\r\nHost: benchmark\r\nConnection: close\r\n\r\n"
START_LIMIT = 120.0
STOP_LIMIT = 10.0
ENDINGS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}


class StartError(Exception):
    """
    A server did not come up; the message has the end of what it printed.
    """


# Processes


def _stat(pid: int) -> list[str]:
    """
    Fields of /proc/PID/stat from the third (the state) on.
    """
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _birth(pid: int) -> str | None:
    """
    When a process started, which with its number makes it unique; None: it is gone.
    """
    try:
        fields = _stat(pid)
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


def descendants(pid: int) -> list[int]:
    """
    @return: Every living child of a process, and theirs.
    """
    found: list[int] = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in map(int, children.read_text().split()):
                found += [child, *descendants(child)]
    return found


def cpuSeconds(pid: int) -> float:
    """
    @return: What all threads of a process have run; exact, not sampled by ticks.
    """
    total = 0
    for threads in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with suppress(OSError):
            total += int(threads.read_text().split()[0])
    return total / 1e9


def descriptors(pid: int) -> int:
    """
    @return: How many descriptors a process has open.
    """
    return len(os.listdir(f"/proc/{pid}/fd"))


def memory(pid: int) -> tuple[int, int]:
    """
    @return: (PSS, USS) in bytes.
    """
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    kilobytes = {k: int(v) for k, v in re.findall(r"^(\w+): +(\d+) kB", text, re.M)}
    unique = kilobytes["Private_Clean"] + kilobytes["Private_Dirty"]
    return kilobytes["Pss"] * 1024, unique * 1024


class Server:
    """
    A running contestant.

    @ivar primaries: Processes that only hand connections over; may be empty.
    @ivar workers: Processes that serve.
    """

    def __init__(self, contestant: Contestant) -> None:
        self.name = contestant.name
        self.port = contestant.port
        self._contestant = contestant
        self._log = tempfile.TemporaryFile()
        self._mains: list[subprocess.Popen[bytes]] = []
        self._births: dict[int, str | None] = {}
        self.primaries: list[int] = []
        self.workers: list[int] = []

    def start(self) -> None:
        """
        Start, and return when every process is up and at rest.

        @raise StartError: If that takes longer than L{START_LIMIT}.
        """
        begun = time.monotonic()
        deadline = begun + START_LIMIT
        for _ in range(self._contestant.mains):
            self._mains.append(self._spawn())
        while not self._ready():
            self._checkAlive(deadline)
            time.sleep(0.05)
        self.startSeconds = time.monotonic() - begun
        while not self._atRest(0.3):
            self._checkAlive(deadline)

    def _spawn(
        self, stdin: int = subprocess.DEVNULL, stdout: int | None = None
    ) -> subprocess.Popen[bytes]:
        paths = [str(TOP), os.environ.get("PYTHONPATH", "")]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
            **self._contestant.environment,
        }
        return subprocess.Popen(
            self._contestant.command,
            cwd=HERE,
            env=environment,
            stdin=stdin,
            stdout=self._log if stdout is None else stdout,
            stderr=self._log,
            start_new_session=True,
        )

    def _ready(self) -> bool:
        return self._found() and answers(self.port)

    def _found(self) -> bool:
        """
        Look for the processes; true if all are there.
        """
        mains = [main.pid for main in self._mains]
        if not self._contestant.children:
            self.workers = mains
            return True
        self.primaries = mains
        self.workers = descendants(mains[0])
        self._know(self.workers)
        return len(self.workers) >= self._contestant.children

    def _checkAlive(self, deadline: float) -> None:
        dead = any(main.poll() is not None for main in self._mains)
        if dead or time.monotonic() > deadline:
            reason = "ended" if dead else f"not ready after {START_LIMIT:.0f} s"
            raise StartError(f"{self.name}: {reason}\n{self.logged()}")

    def _atRest(self, seconds: float) -> bool:
        """
        Watch for a while; true if the processes ran for less than a tenth of it.
        """
        before = self.cpu()
        time.sleep(seconds)
        return sum(self.cpu()) - sum(before) < seconds / 10

    def cpu(self) -> tuple[float, float]:
        """
        @return: CPU seconds so far of (primaries, workers).
        """
        return sum(map(cpuSeconds, self.primaries)), sum(map(cpuSeconds, self.workers))

    def lost(self) -> int:
        """
        @return: How many of the workers found at the start are gone.
        """
        return sum(_birth(pid) is None for pid in self.workers)

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

    def _know(self, pids: Sequence[int]) -> None:
        """
        Remember processes as ours, so that none is left over.
        """
        for pid in pids:
            self._births.setdefault(pid, _birth(pid))

    def _left(self) -> list[int]:
        for main in self._mains:
            main.poll()
        known = self._births.items()
        return [pid for pid, birth in known if birth and _birth(pid) == birth]


AnyServer = TypeVar("AnyServer", bound=Server)


@contextmanager
def running(
    contestants: Sequence[Contestant], kind: type[AnyServer] = Server
) -> Iterator[list[AnyServer]]:
    """
    Start contestants; end all of them however the block is left. Those that do not
    start are named on standard error and left out.
    """
    servers = [kind(contestant) for contestant in contestants]
    started: list[AnyServer] = []
    try:
        for server in servers:
            try:
                server.start()
                started.append(server)
            except (StartError, OSError) as error:
                print(f"left out: {error}", file=sys.stderr)
        yield started
    finally:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDINGS)
        for server in servers:
            server.stop()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def endOnSignals() -> None:
    """
    Make SIGTERM and SIGHUP unwind the stack as Ctrl-C does, so that nothing is left over.
    """

    def leave(number: int, frame: object) -> None:
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGHUP, leave)


# Ports


def freePort() -> int:
    """
    @return: A port below those that the kernel gives to clients.
    """
    while True:
        port = random.randrange(15000, 30000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


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


# Tables


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """
    @return: Markdown, aligned: the first two columns to the left, the others right.
    """
    lines = [list(header), *map(list, rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]

    def text(line: Sequence[str]) -> str:
        cells = [
            cell.ljust(width) if column < 2 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths))
        ]
        return f"| {' | '.join(cells)} |"

    rule = "|".join("-" * (w + 1) + ("-" if i < 2 else ":") for i, w in enumerate(widths))
    return "\n".join([text(lines[0]), f"|{rule}|", *map(text, lines[1:])])


def micros(seconds: float | None) -> str:
    """
    @return: Microseconds as text; a dash for None.
    """
    return "-" if seconds is None else f"{seconds * 1e6:.1f}"


def millis(seconds: float) -> str:
    """
    @return: Milliseconds as text.
    """
    return f"{seconds * 1e3:.2f}"
