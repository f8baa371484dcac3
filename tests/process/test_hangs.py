"""
Workers that do not work: they are told with their stacks, and replaced; who works is let
be, however busy it is.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.process.cluster import (
    RunningCluster,
    environment,
    eventually,
    freePort,
    isAlive,
)
from tests.process.ports import FIXTURES
from tests.process.trouble import makeFail, troubled

pytestmark = [pytest.mark.process, pytest.mark.timeout(60)]
# Both ways to wait, and both to compute, with and without the interpreter's lock.
HANGS = ["sleep", "spin", "backtrack", "keep", "defy"]


@contextmanager
def hanging(
    directory: Path, *more: str, workers: int = 1, **env: str
) -> Iterator[tuple[RunningCluster, int]]:
    """
    A cluster whose workers hang as they are told, and its port.
    """
    port = freePort()
    path = os.pathsep.join([str(FIXTURES), environment(env)["PYTHONPATH"]])
    arguments = [f"--workers={workers}", "--app=hanging.obey", f"--listen=tcp:{port}"]
    told = {**env, "PYTHONPATH": path}
    with RunningCluster([*arguments, *more], directory, told) as cluster:
        cluster.waitOnline(workers)
        yield cluster, port


class Order:
    """
    A client that has told a worker what to do.

    @ivar pid: The worker.
    """

    def __init__(self, port: int, order: str = "") -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 15.0)
        self.pid = int(self.socket.recv(100))
        if order:
            self.socket.sendall(order.encode())

    def isDone(self) -> bool:
        """
        Wait for it to be done.
        """
        return self.socket.recv(100) == b"done\n"

    def __enter__(self) -> Order:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


@pytest.mark.parametrize("how", HANGS)
def test_whoHangsIsShownAndReplaced(tmp_path: Path, how: str) -> None:
    """
    A warning after a second, with where it is; after the time-out it is ended, with where
    it is, and others are served meanwhile by its successor.
    """
    with hanging(tmp_path, "--hang-timeout=2") as (cluster, port):
        with Order(port, f"{how} 60") as order:
            cluster.waitFor("has shown no life for 1.", timeout=5.0)
            cluster.waitFor(f"in {how}\n", timeout=5.0)
            cluster.waitFor("is ended: it had shown no life for 2 s:", timeout=5.0)
            cluster.waitOnline(2)
            with Order(port) as other:
                assert other.pid != order.pid
            eventually(lambda: not isAlive(order.pid), "it is ended", 8.0)
        cluster.waitFor(f"({order.pid}) was killed after", timeout=5.0)
        output = cluster.output()
        assert output.count(f"in {how}\n") == 2
        assert output.count("(most recent call first)") >= 2


def test_whoIsStoppedForLongIsReplaced(tmp_path: Path) -> None:
    """
    It cannot show where it is; that is said.
    """
    with hanging(tmp_path, "--hang-timeout=2") as (cluster, port):
        with Order(port) as order:
            os.kill(order.pid, signal.SIGSTOP)
            cluster.waitFor("stopped by a signal", 2, timeout=8.0)
            cluster.waitOnline(2)
            eventually(lambda: not isAlive(order.pid), "it is ended", 8.0)


def test_warningIsToldOnceAndItsEnd(tmp_path: Path) -> None:
    """
    How long it was is said as well; nobody is ended where that is not wanted.
    """
    with hanging(tmp_path, "--hang-timeout=0") as (cluster, port):
        with Order(port, "sleep 3.5") as order:
            assert order.isDone()
        cluster.waitFor("shows life again, after 3.", timeout=5.0)
        assert cluster.output().count("has shown no life for") == 1
        assert cluster.workerPids() == [order.pid]


@pytest.mark.parametrize("policy", ["round-robin", "none"])
@pytest.mark.parametrize("how", ["work 6", "crowd 6", "sleep 1.6", "spin 1.6"])
def test_whoIsBusyIsNeverEnded(tmp_path: Path, how: str, policy: str) -> None:
    """
    Turns that last 0.9 s, many threads that compute, a turn that is a little shorter than
    the time-out.
    """
    options = ["--hang-timeout=4", f"--policy={policy}"]
    with hanging(tmp_path, *options) as (cluster, port):
        with Order(port, how) as order:
            assert order.isDone()
        begun = time.monotonic()
        eventually(lambda: time.monotonic() > begun + 6.0, "it was busy")
        with Order(port) as other:
            assert other.pid == order.pid
        assert "is ended" not in cluster.output()


@pytest.mark.parametrize("whole", [False, True])
def test_whoStandsStillForAWhileIsNeverEnded(tmp_path: Path, whole: bool) -> None:
    """
    All workers are stopped for 2 s; or the primary as well, and for longer than the
    time-out, as when the machine is suspended.
    """
    with hanging(tmp_path, "--hang-timeout=3", workers=2) as (cluster, port):
        pids = cluster.workerPids()
        stopped = [*([cluster.pid] if whole else []), *pids]
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(5.0 if whole else 2.0)
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
        with Order(port) as order:
            assert order.pid in pids
        assert cluster.workerPids() == pids
        assert "is ended" not in cluster.output()
        if whole:
            assert "no life" not in cluster.output()


def test_whoIsLookedAtWithADebuggerIsLetBe(tmp_path: Path) -> None:
    """
    One that is beside it, such as gdb or strace.
    """
    with hanging(tmp_path, "--hang-timeout=1.5") as (cluster, port):
        (pid,) = cluster.workerPids()
        with subprocess.Popen(
            ["python3", "-c", TRACER, str(pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as tracer:
            assert tracer.stdout is not None
            assert tracer.stdout.readline() == b"attached\n"
            time.sleep(3.0)
            assert isAlive(pid)
            tracer.communicate(b"")
        with Order(port) as order:
            assert order.pid == pid
        assert "no life" not in cluster.output()


TRACER = """
import ctypes, os, sys
libc, pid = ctypes.CDLL(None, use_errno=True), int(sys.argv[1])
assert libc.ptrace(16, pid, None, None) == 0, ctypes.get_errno()
os.waitpid(pid, 0)
print("attached", flush=True)
sys.stdin.read()
assert libc.ptrace(17, pid, None, None) == 0
"""


def test_hangTimeoutBelowTheBeatIsRefused(tmp_path: Path) -> None:
    """
    With a sentence.
    """
    arguments = ["--app=hanging.obey", "--listen=tcp:1", "--hang-timeout=0.5"]
    with RunningCluster(arguments, tmp_path) as cluster:
        assert cluster.wait() == 1
        assert "--hang-timeout 0.5: give 0 for never, or a number" in cluster.output()
        assert "Traceback" not in cluster.output()


@pytest.mark.parametrize("how", ["sleep", "spin"])
@pytest.mark.parametrize("timeout", ["0", "60"])
def test_whoIsToldToEndAndDoesNotTurnIsKilled(
    tmp_path: Path, how: str, timeout: str
) -> None:
    """
    SIGTERM to a worker that blocks: it is replaced, and after its time-outs killed.
    """
    limits = ["--drain-timeout=1", "--stop-timeout=1", f"--hang-timeout={timeout}"]
    with hanging(tmp_path, *limits) as (cluster, port):
        with Order(port, f"{how} 60") as order:
            begun = time.monotonic()
            os.kill(order.pid, signal.SIGTERM)
            cluster.waitOnline(2)
            eventually(lambda: not isAlive(order.pid), "it is killed", 12.0)
            assert time.monotonic() - begun > 1.5
        cluster.waitFor(f"({order.pid}) was killed after", timeout=5.0)


@pytest.mark.parametrize("how", HANGS)
def test_stopIsNotHeldUpByWhoHangs(tmp_path: Path, how: str) -> None:
    """
    The cluster stops within the time-outs.
    """
    limits = ["--drain-timeout=1", "--stop-timeout=1", "--hang-timeout=0"]
    with hanging(tmp_path, *limits, workers=2) as (cluster, port):
        with Order(port, f"{how} 60") as order:
            begun = time.monotonic()
            cluster.stop()
            assert time.monotonic() - begun < 8.0
            assert not isAlive(order.pid)


def test_whoIsDeafIsShownAndReplaced(tmp_path: Path) -> None:
    """
    Its heart beats, but it takes nothing of what waits for it: its successor does.
    """
    with troubled(tmp_path, workers=1) as (cluster, port):
        (deaf,) = cluster.workerPids()
        makeFail(tmp_path, deaf, "handoff", "ENOMEM", 10**9)
        with ExitStack() as stack:
            client = socket.create_connection(("127.0.0.1", port), 20.0)
            stack.enter_context(client)
            client.sendall(b"pid\n")
            said = client.recv(100)
            assert int(said) != deaf
        cluster.waitFor("has taken nothing of what waits for it for 5 s: it is replaced:")
        cluster.waitFor("(most recent call first)")
        eventually(lambda: not isAlive(deaf), "it is gone")
