"""
C{--policy none}: the workers accept from one socket.
"""

from __future__ import annotations

import os
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.process.cluster import (
    RunningCluster,
    ask,
    eventually,
    freePort,
    isAlive,
    running,
)
from tests.process.ports import Served, commanded, isRefused, servers

pytestmark = pytest.mark.process
NONE = ("--policy", "none")


def test_workersAcceptThemselves(app: Path) -> None:
    """
    Both workers serve; the primary has no part in it.
    """
    port = freePort()
    arguments = ["--app=hello.greet", f"--listen=tcp:{port}", *NONE]
    with running(arguments, app) as cluster:
        os.kill(cluster.pid, signal.SIGSTOP)
        served: set[int] = set()
        with ThreadPoolExecutor(8) as clients:

            def bothServed() -> bool:
                served.update(map(int, clients.map(lambda _: ask(port), range(40))))
                return len(served) == 2

            eventually(bothServed, "both have served")
        os.kill(cluster.pid, signal.SIGCONT)
        assert served == set(cluster.workerPids())


def test_aFrozenWorkerHoldsNobodyUp(app: Path) -> None:
    """
    The other accepts what comes.
    """
    port = freePort()
    with running(["--app=hello.greet", f"--listen=tcp:{port}", *NONE], app) as cluster:
        frozen, other = cluster.workerPids()
        os.kill(frozen, signal.SIGSTOP)
        assert {int(ask(port)) for _ in range(20)} == {other}
        os.kill(frozen, signal.SIGKILL)
        cluster.waitOnline(3)


def test_pauseAndResume(tmp_path: Path) -> None:
    """
    A port that is paused leaves all to the other.
    """
    with commanded(tmp_path, *NONE) as (_, (one, two)):
        first = one.listen("TCP", name="a")
        second = two.listen("TCP", name="a")
        first.do("pause")
        assert set(servers(first.port, 10)) == {two.pid}
        second.do("pause")
        waiting = Served(first.port)
        assert not waiting.isServed()
        first.do("resume")
        assert waiting.server() == one.pid
        waiting.close()


@pytest.mark.parametrize("kind", ["TCP", "UNIX"])
def test_lastOneOutClosesThePort(tmp_path: Path, kind: str) -> None:
    """
    Who closes it leaves it to the other; then it is closed.
    """
    where, options = (
        (str(tmp_path / "socket"), {}) if kind == "UNIX" else (0, {"name": "a"})
    )
    with commanded(tmp_path, *NONE) as (_, (one, two)):
        first = one.listen(kind, where, **options)
        second = two.listen(kind, where, **options)
        address = where or first.port
        first.do("close")
        eventually(lambda: set(servers(address, 5)) == {two.pid}, "one serves")
        second.do("close")
        eventually(lambda: isRefused(address), "nobody listens")


def test_drainServesWhoHasConnected(app: Path) -> None:
    """
    When the cluster stops, who is in the backlog is served, then nobody is let in, and
    the workers finish what they serve.
    """
    port = freePort()
    arguments = ["--workers=2", "--app=hello.obey", f"--listen=tcp:{port}", *NONE]
    with RunningCluster(arguments, app) as cluster:
        cluster.waitOnline(2)
        workers = cluster.workerPids()
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        clients = [socket.create_connection(("127.0.0.1", port), 5.0) for _ in range(20)]
        for client in clients:
            client.sendall(b"slow")
        cluster.signal(signal.SIGTERM)
        for pid in workers:
            os.kill(pid, signal.SIGCONT)
        eventually(lambda: isRefused(port), "nobody is let in")
        for client in clients:
            assert client.recv(100) == b"done"
            client.close()
        assert cluster.wait() == 0
        assert not any(map(isAlive, workers))


def test_connectionsCount(tmp_path: Path) -> None:
    """
    A worker that is to end waits for the connections that it accepted itself; then its
    factories stop, which the reactor sees to.
    """
    with commanded(tmp_path, *NONE, "--log-level=debug") as (cluster, (one, two)):
        first = one.listen("TCP", name="a")
        client = Served(first.port)
        assert client.server() == one.pid
        two.listen("TCP", name="a")
        os.kill(one.pid, signal.SIGTERM)
        eventually(lambda: set(servers(first.port, 5)) == {two.pid}, "it takes no more")
        assert client.echoes()
        client.close()
        eventually(lambda: not isAlive(one.pid), "it ends")
        stopped = [
            line
            for line in cluster.output().splitlines()
            if "Stopping factory" in line and " worker 1 " in line
        ]
        assert len(stopped) == 2
