"""
Machines that give few descriptors, or none for a while.
"""

from __future__ import annotations

import os
import re
import resource
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.process.cluster import RunningCluster, eventually, freePort
from tests.process.odd import connect
from tests.process.ports import FIXTURES, Commanded, commanded

pytestmark = [pytest.mark.process, pytest.mark.timeout(40)]

NOFILE = resource.RLIMIT_NOFILE


def atMost(descriptors: int) -> Callable[[], None]:
    """
    What gives a process a limit that it cannot raise.
    """
    return lambda: resource.setrlimit(NOFILE, (descriptors, descriptors))


def isSaid(cluster: RunningCluster) -> bool:
    """
    Whether the log warns of descriptors.
    """
    return any(
        "descriptor" in line and re.search("#(warn|error|critical)", line)
        for line in cluster.output().splitlines()
    )


def test_fewDescriptorsAreSaidAndServeStill(tmp_path: Path) -> None:
    """
    With C{ulimit -n 64} somebody is told that this is little, and clients are served,
    as they are by twistd alone.
    """
    port = freePort()
    arguments = ["--workers=1", "--app=kinds.report", f"--listen=tcp:{port}"]
    with (
        RunningCluster(arguments, FIXTURES, before=atMost(64)) as cluster,
        ExitStack() as s,
    ):
        cluster.waitOnline(1)
        eventually(lambda: isSaid(cluster), "it is said", 5.0)
        for _ in range(5):
            client = s.enter_context(closing(connect(port)))
            client.settimeout(5.0)
            assert int(client.recv(100).split()[0]) == cluster.workerPids()[0]


def test_workersShortOfDescriptorsAreSaid(tmp_path: Path) -> None:
    """
    A worker that is offered nothing because it has too few left is a matter for the
    log, which says whose; when its clients have gone it is served as before.
    """
    port = freePort()
    arguments = ["--workers=1", "--app=kinds.report", f"--listen=tcp:{port}"]
    with RunningCluster(arguments, FIXTURES, before=atMost(256)) as cluster:
        cluster.waitOnline(1)
        with ExitStack() as stack:
            clients = [stack.enter_context(closing(connect(port))) for _ in range(250)]
            served = [client for client in clients[:150] if client.recv(1)]
            assert len(served) == 150
            eventually(lambda: isSaid(cluster), "it is said", 5.0)
            assert "Traceback" not in cluster.output()
        with closing(connect(port)) as client:
            assert client.recv(100)


def descriptorsOf(pid: int) -> list[int]:
    """
    What a process has open.
    """
    return sorted(map(int, os.listdir(f"/proc/{pid}/fd")))


def askInVain(worker: Commanded) -> None:
    """
    Have the primary answer: what it handed over before that it has closed by then.
    """
    assert worker.say("UNIX", "x" * 200)[0] == "CannotListenError"


def test_pathsInNoDirectoryLeakNothing(tmp_path: Path) -> None:
    """
    A UNIX socket in a directory that the primary cannot enter: the listen fails, as
    often as it is tried, and costs no descriptor.
    """
    gone = str(tmp_path / "gone")
    begin = f"import os\nos.getcwd = os.getcwdb = lambda: {gone!r}\n"
    (tmp_path / "lost.tac").write_text(begin + (FIXTURES / "ports.tac").read_text())
    control = freePort()
    arguments = ["--workers=1", "-y", "lost.tac"]
    with RunningCluster(arguments, tmp_path, {"CONTROL": str(control)}) as cluster:
        cluster.waitOnline(1)
        line = connect(control)
        worker = Commanded(line)
        askInVain(worker)
        before = descriptorsOf(cluster.pid)
        for _ in range(5):
            assert worker.say("UNIX", "socket")[0] == "CannotListenError"
        assert descriptorsOf(cluster.pid) == before
        worker.leave(line)


def exhaust(pid: int) -> Callable[[], None]:
    """
    Let a process open nothing more.

    @return: What lets it again.
    """
    before = resource.prlimit(pid, NOFILE)
    used = descriptorsOf(pid)
    free = min(set(range(len(used) + 1)) - set(used))
    resource.prlimit(pid, NOFILE, (free, before[1]))
    return lambda: resource.prlimit(pid, NOFILE, before) and None


def test_locksAreOpenedWhereTheSocketFails(tmp_path: Path) -> None:
    """
    A UNIX port with a lock, for which the primary has no descriptor: the listen fails,
    and leaves no lock behind, so that the next one succeeds.
    """
    path = tmp_path / "socket"
    with commanded(tmp_path, workers=1) as (cluster, (worker,)):
        askInVain(worker)
        restore = exhaust(cluster.pid)
        try:
            told = worker.say("UNIX", str(path), wantPID=True)
        finally:
            restore()
        assert told[0] == "CannotListenError"
        assert not os.path.lexists(f"{path}.lock")
        told = worker.say("UNIX", str(path), wantPID=True)
        assert isinstance(told[0], int), told
