"""
A worker is ready when its application says so.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.process.cluster import RunningCluster, environment, eventually, freePort
from tests.process.ports import FIXTURES

pytestmark = [pytest.mark.process, pytest.mark.timeout(60)]
LOCAL = "127.0.0.1"
WAYS = ["deferred", "coroutine", "saying", "tac deferred", "tac coroutine"]


@contextmanager
def holding(
    directory: Path, way: str, *more: str, workers: int = 2
) -> Iterator[tuple[RunningCluster, int]]:
    """
    A cluster of an application that is not ready at once, and its port.
    """
    port = freePort()
    path = os.pathsep.join([str(FIXTURES), environment()["PYTHONPATH"]])
    kind, _, how = way.partition(" ")
    if kind == "tac":
        tac = directory / "held.tac"
        tac.write_text(f"import holding\napplication = holding.application({how!r})\n")
        given = ["-y", str(tac)]
    else:
        given = [f"--app=holding.{way}", f"--listen=tcp:{port}:interface={LOCAL}"]
    env = {"PYTHONPATH": path, "PORT": str(port)}
    arguments = [f"--workers={workers}", *more, *given]
    with RunningCluster(arguments, directory, env) as cluster:
        yield cluster, port


class Client:
    """
    One who has been served, or waits to be.
    """

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection((LOCAL, port), 10.0)
        self._file = self.socket.makefile("rb")

    def line(self) -> bytes:
        """
        What it is told next.
        """
        return self._file.readline()

    def say(self, word: bytes) -> None:
        """
        Tell its worker something, and wait until that is done.
        """
        self.socket.sendall(word)
        assert self.line() == b"done\n"

    def close(self) -> None:
        self._file.close()
        self.socket.close()


def servers(port: int, count: int) -> set[int]:
    """
    Who serves so many that come now.
    """
    found = set()
    for _ in range(count):
        with closing(Client(port)) as client:
            found.add(int(client.line()))
    return found


@pytest.mark.parametrize("way", WAYS)
def test_nobodyIsServedBeforeTheStartIsDone(tmp_path: Path, way: str) -> None:
    """
    Whatever says so: what C{--app} names returns a Deferred or is a coroutine, a service
    does, or the application asks for it. Who has come by then waits, where the port is
    the cluster's.
    """
    with holding(tmp_path, way) as (cluster, port):
        eventually((tmp_path / "preparing").exists, "one begins")
        early = None if way.startswith("tac") else Client(port)
        if early is not None:
            early.socket.settimeout(0.3)
            with pytest.raises(TimeoutError):
                early.socket.recv(1)
            early.socket.settimeout(10.0)
        assert cluster.online() == 0
        (tmp_path / "go").touch()
        cluster.waitOnline(2)
        cluster.waitFor("ready: 2 workers")
        assert servers(port, 8) == set(cluster.workerPids())
        if early is not None:
            assert int(early.line()) in cluster.workerPids()
            early.close()


@pytest.mark.parametrize("way", ["deferred", "coroutine", "tac deferred"])
def test_aStartThatFailsLaterIsAFailedStart(tmp_path: Path, way: str) -> None:
    """
    With its traceback, and the status of one that fails at once.
    """
    with holding(tmp_path, way) as (cluster, _):
        eventually((tmp_path / "preparing").exists, "one begins")
        (tmp_path / "fail").touch()
        assert cluster.wait() == 1
        said = cluster.output()
    assert "no worker can start, the cluster ends" in said
    assert 'raise ValueError("no database")' in said
    assert "the application cannot start: ValueError: no database" in said


@pytest.mark.parametrize("way", ["saying", "tac deferred"])
def test_whoIsNeverReadyHasNotStarted(tmp_path: Path, way: str) -> None:
    """
    The start time-out counts, though its reactor turns.
    """
    with holding(tmp_path, way, "--start-timeout=1.5", workers=1) as (cluster, _):
        assert cluster.wait() == 1
        assert "it had not started within 1.5 s" in cluster.output()


@pytest.mark.parametrize("policy", ["round-robin", "sticky:by=address", "none"])
def test_itIsTakenBackAndGivenAgain(tmp_path: Path, policy: str) -> None:
    """
    Who is not ready is offered nothing, and serves on what it has; it is not ended.
    """
    (tmp_path / "go").touch()
    with holding(tmp_path, "deferred", f"--policy={policy}") as (cluster, port):
        cluster.waitOnline(2)
        with closing(Client(port)) as client:
            hidden = int(client.line())
            (other,) = set(cluster.workerPids()) - {hidden}
            client.say(b"hide")
            cluster.waitFor("is not ready: it is offered nothing")
            assert servers(port, 20) == {other}
            client.say(b"what you like")
            client.say(b"show")
            cluster.waitFor("is ready again")
            if policy.startswith("sticky"):
                # Who has moved stays where it is.
                assert servers(port, 4) == {other}
                return
            eventually(lambda: hidden in servers(port, 4), "it serves again")


def test_whereNobodyIsReadyClientsWait(tmp_path: Path) -> None:
    """
    None is refused; all are served as soon as somebody is.
    """
    (tmp_path / "go").touch()
    with holding(tmp_path, "deferred", workers=1) as (cluster, port):
        cluster.waitOnline(1)
        with closing(Client(port)) as client:
            pid = int(client.line())
            client.say(b"hide")
            cluster.waitFor("is not ready")
            waiting = [Client(port) for _ in range(50)]
            waiting[0].socket.settimeout(0.3)
            with pytest.raises(TimeoutError):
                waiting[0].socket.recv(1)
            waiting[0].socket.settimeout(10.0)
            client.say(b"show")
            for one in waiting:
                assert int(one.line()) == pid
                one.close()
