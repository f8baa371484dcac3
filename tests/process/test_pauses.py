"""
What each side tells the other of its state arrives in the end, however full the wires.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.process.cluster import RunningCluster, environment, eventually, freePort
from tests.process.injecting import FULL, injected
from tests.process.ports import FIXTURES, Served, isRefused, servers

pytestmark = [pytest.mark.process, pytest.mark.timeout(40)]


def withFixtures(env: Mapping[str, str]) -> dict[str, str]:
    """
    An environment in which what is in C{fixtures} can be imported.
    """
    path = environment(env)["PYTHONPATH"]
    return {**env, "PYTHONPATH": os.pathsep.join([str(FIXTURES), path])}


class Line:
    """
    A connection to a worker that does what it is told.
    """

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), 8.0)
        self._file = self._socket.makefile("rwb")

    def do(self, *words: str) -> str:
        """
        Give an order.

        @return: What came of it.
        """
        self.tell(*words)
        return self._file.readline().decode().strip()

    def tell(self, *words: str) -> None:
        """
        Give an order, and do not wait.
        """
        self._file.write(" ".join(words).encode() + b"\n")
        self._file.flush()

    def hear(self) -> str:
        """
        What came of an order.
        """
        return self._file.readline().decode().strip()

    def close(self) -> None:
        """
        Hang up.
        """
        self._file.close()
        self._socket.close()


@contextmanager
def pausing(
    directory: Path, *more: str, **env: str
) -> Iterator[tuple[RunningCluster, Line]]:
    """
    A cluster of one worker, and a line to it.
    """
    port = freePort()
    arguments = ["--workers=1", "--app=pausing.control", f"--listen=tcp:{port}", *more]
    with RunningCluster(arguments, directory, withFixtures(env)) as cluster:
        cluster.waitOnline(1)
        with closing(Line(port)) as line:
            assert line.do("hello") == "hello"
            yield cluster, line


def test_portsArePausedAndUnpausedManyTimesInATurn(tmp_path: Path) -> None:
    """
    In the end it is served, or not, as the application said last, whichever of the
    words between was lost.
    """
    with pausing(tmp_path) as (_, line):
        port = int(line.do("open", "first"))
        (pid,) = set(servers(port, 1))
        # An even and an odd number of words before.
        for _ in range(2):
            assert line.do("flap", "first", "reading") == "reading"
            assert servers(port, 2) == [pid, pid]
            assert line.do("stop", "first") == "paused"
            assert line.do("flap", "first", "reading") == "reading"
            assert servers(port, 2) == [pid, pid]


def test_whatIsPausedInTheEndStaysPaused(tmp_path: Path) -> None:
    """
    Who connects then waits in the backlog, and is served when the port is started.
    """
    with pausing(tmp_path) as (_, line):
        port = int(line.do("open", "first"))
        for before in ("stop", "start"):
            line.do(before, "first")
            assert line.do("flap", "first", "paused") == "paused"
            with closing(Served(port)) as waiting:
                waiting.socket.settimeout(5.0)
                assert not waiting.isServed(), "it is served, or closed"
                line.do("start", "first")
                assert waiting.server()


def test_othersAreToldOfWhileOneFlaps(tmp_path: Path) -> None:
    """
    Another port of the same worker, opened while the wire is full, is no failed listen
    and no dead primary.
    """
    with pausing(tmp_path) as (cluster, line):
        first = int(line.do("open", "first"))
        said = line.do("open", "second", "away")
        assert said.isdecimal(), said
        assert servers(int(said), 1) == servers(first, 1)
        assert "primary is gone" not in cluster.output()


def test_portsAreClosedThoughTheWireIsFull(tmp_path: Path) -> None:
    """
    Nobody can connect to a port that the application has closed.
    """
    with pausing(tmp_path) as (_, line):
        line.do("open", "first")
        second = int(line.do("open", "second"))
        assert line.do("close", "second") == "closed"
        eventually(lambda: isRefused(second), "it is closed", 5.0)


def test_workersComeOnlineThoughTheWireIsFull(tmp_path: Path) -> None:
    """
    The primary learns that the application has started.
    """
    port = freePort()
    arguments = ["--workers=1", "--app=pausing.busyStart"]
    with RunningCluster(
        arguments, tmp_path, withFixtures({"PORT": str(port)})
    ) as cluster:
        cluster.waitFor("ready after", timeout=8.0)
        assert servers(port, 1) == cluster.workerPids()


def test_workersAreToldToDrainWhenTheirWireHasRoom(tmp_path: Path) -> None:
    """
    A full wire is no reason to kill: the worker ends by itself, once it is told.
    """
    full = tmp_path / "full"
    env = injected(tmp_path, FULL, FULL=str(full))
    with pausing(tmp_path, "--drain-timeout=1", **env) as (cluster, line):
        line.close()
        full.touch()
        cluster.signal(signal.SIGTERM)
        time.sleep(0.3)
        full.unlink()
        cluster.wait(10.0)
        assert "SIGKILL" not in cluster.output()


def test_workersThatAskAreNotKilledBecauseTheirWireIsFull(tmp_path: Path) -> None:
    """
    The answer waits until there is room for it.
    """
    full = tmp_path / "full"
    env = injected(tmp_path, FULL, FULL=str(full))
    with pausing(tmp_path, **env) as (cluster, line):
        full.touch()
        line.tell("open", "first")
        time.sleep(0.3)
        full.unlink()
        said = line.hear()
        assert said.isdecimal(), said
        assert servers(int(said), 1) == cluster.workerPids()
        assert "SIGKILL" not in cluster.output()
