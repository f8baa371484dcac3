"""
Real clusters for tests: started as a user would, and checked for what they leave.
"""

from __future__ import annotations

import itertools
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TWISTD = (
    "import sys; sys.argv[0] = 'twistd'; from twisted.scripts.twistd import run; run()"
)
PATIENCE = 20.0
# What the log says of a worker that has come up.
READY = " ready after "
# The same, of each, with its number and its pid; where others of its slot died early.
UP = re.compile(r"worker (\d+) \((\d+)\) (?:ready|serves,) after ")
SHARE = 1500
_FIRST = 10_000 + SHARE * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
# Not always from the same on: those of the run before may not be free yet.
_PORTS = (_FIRST + (os.getpid() + count) % SHARE for count in itertools.count())


def freePort() -> int:
    """
    A port of 127.0.0.1 that nobody has just now, nor gets without asking for it: it is
    below those that the system gives to clients, and tests that run side by side have
    each a share of their own.
    """
    for port in itertools.islice(_PORTS, SHARE):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no port is free")


def eventually(
    isTrue: Callable[[], object], what: str, patience: float = PATIENCE
) -> None:
    """
    Wait until something is true.
    """
    deadline = time.monotonic() + patience
    while not isTrue():
        assert time.monotonic() < deadline, f"not within {patience} s: {what}"
        time.sleep(0.01)


def childrenOf(pid: int) -> list[int]:
    """
    The living children of a process, but for who guards the others, and what these are
    forked from.
    """
    others = (isGuardian, isTemplate)
    found = allChildrenOf(pid)
    return [child for child in found if not any(isOne(child) for isOne in others)]


def allChildrenOf(pid: int) -> list[int]:
    """
    The living children of a process.
    """
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return list(map(int, children.split()))


def isGuardian(pid: int) -> bool:
    """
    Whether a process is the one that ends workers which outlive their primary.
    """
    try:
        return b"guarding.py" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def isTemplate(pid: int) -> bool:
    """
    Whether a process is one that workers are forked from, or was before it is reaped.
    """
    try:
        return "cluster-templat" in Path(f"/proc/{pid}/comm").read_text()
    except OSError:
        return False


def isAlive(pid: int) -> bool:
    """
    Whether a process runs: zombies do not, nor who is just reaped.
    """
    try:
        return (
            Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
        )
    except OSError:
        return False


def membersOf(session: int) -> list[int]:
    """
    The living processes of a session.
    """
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """
    An environment in which this checkout is what gets imported.
    """
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    return {**os.environ, "PYTHONPATH": path, **(extra or {})}


class RunningCluster:
    """
    C{twistd -n cluster ...}, while a C{with} block lasts.

    @cvar PLUGIN: What of twistd is run.
    """

    PLUGIN: Sequence[str] = ("cluster",)

    def __init__(
        self,
        arguments: Sequence[str],
        directory: Path,
        env: Mapping[str, str] | None = None,
        twistd: Sequence[str] = ("-n", "--pidfile="),
        python: str = sys.executable,
        under: Sequence[str] = (),
        before: Callable[[], None] | None = None,
        passing: Sequence[int] = (),
        program: Sequence[str] = ("-c", TWISTD),
    ) -> None:
        """
        @param program: What Python runs, after its options.
        @param under: A command that becomes it.
        @param passing: Descriptors of this process that it has too.
        @param before: Called in the new process, before it is what it is to be.
        """
        self._log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [*under, python, *program, *twistd, *self.PLUGIN, *arguments],
            cwd=directory,
            env=environment(env),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=before,
            pass_fds=passing,
        )
        self.pid = self.process.pid
        self._seen: set[int] = set()

    def __enter__(self) -> RunningCluster:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        try:
            if error is None:
                self.stop()
                self.checkNothingLeft()
            else:
                print(self.output())
        finally:
            for pid in [self.pid, *membersOf(self.pid)]:
                if isAlive(pid):
                    os.kill(pid, signal.SIGKILL)
            self.process.wait()
            self._log.close()

    def output(self) -> str:
        """
        All that the cluster has written.
        """
        # Not seek and read: the cluster writes where this file object stands.
        size = os.fstat(self._log.fileno()).st_size
        return os.pread(self._log.fileno(), size, 0).decode("utf-8", "replace")

    def waitFor(self, text: str, count: int = 1, timeout: float = PATIENCE) -> None:
        """
        Wait until the output has a text, so many times.
        """
        eventually(
            lambda: self.output().count(text) >= count or self.process.poll() is not None,
            f"{text!r} {count} times in:\n{self.output()}",
            timeout,
        )
        assert self.output().count(text) >= count, self.output()

    def waitOnline(self, count: int) -> None:
        """
        Wait until so many workers have come online, in all.
        """
        eventually(
            lambda: self.online() >= count or self.process.poll() is not None,
            f"{count} have come online in:\n{self.output()}",
        )
        assert self.online() >= count, self.output()

    def online(self) -> int:
        """
        How many have come online, in all.
        """
        return len(UP.findall(self.output()))

    def workerPids(self) -> list[int]:
        """
        The workers, by slot.
        """
        said = UP.findall(self.output())
        return [pid for _, pid in sorted({int(s): int(p) for s, p in said}.items())]

    def signal(self, number: int) -> None:
        """
        Send the primary a signal.
        """
        self.process.send_signal(number)

    def wait(self, timeout: float = PATIENCE) -> int:
        """
        Wait for the primary's exit code.
        """
        return self.process.wait(timeout)

    def stop(self) -> int:
        """
        Ask the primary to stop.

        @return: Its exit code.
        """
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        return self.wait()

    def checkNothingLeft(self) -> None:
        """
        No process has outlived the primary.
        """
        eventually(lambda: not membersOf(self.pid), "every process has ended", 5.0)


class Stock(RunningCluster):
    """
    C{twistd -n ...}, while a C{with} block lasts: the same without a cluster.
    """

    PLUGIN = ()


def ask(port: int, data: bytes = b"", timeout: float = 5.0) -> bytes:
    """
    Connect, send, and read to the end.
    """
    with socket.create_connection(("127.0.0.1", port), timeout) as client:
        if data:
            client.sendall(data)
        return b"".join(iter(lambda: client.recv(65536), b""))


@contextmanager
def running(
    arguments: Sequence[str], directory: Path, workers: int = 2
) -> Iterator[RunningCluster]:
    """
    A cluster whose workers are all online.
    """
    with RunningCluster(["--workers", str(workers), *arguments], directory) as cluster:
        cluster.waitOnline(workers)
        yield cluster
