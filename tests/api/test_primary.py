"""
Forking, without processes.
"""

from __future__ import annotations

import errno
import gc
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from twisted.internet.testing import MemoryReactorClock

from tests.leftovers import openNow
from twisted_cluster.api.primary import PrimaryCluster
from twisted_cluster.primary.lives.turns import LONGEST_TURN, startsAtATime
from twisted_cluster.reactors import IClusterReactor


class Reactor(MemoryReactorClock):  # type: ignore[misc]
    """
    Starts nothing, or raises.
    """

    wrong: Exception | None = None

    def spawnProcess(self, *arguments: object, **options: object) -> object:
        if self.wrong is not None:
            raise self.wrong
        protocol: Any = arguments[0]
        protocol.makeConnection(SimpleNamespace(signalProcess=lambda number: None))
        return SimpleNamespace(pid=100)


class Cluster(PrimaryCluster):
    """
    One in a process that does not run.
    """

    def __init__(self) -> None:
        super().__init__()
        self.reactor = Reactor()

    @property
    def _reactor(self) -> IClusterReactor:
        return cast(IClusterReactor, self.reactor)

    def close(self) -> None:
        assert self._forks is not None
        for process in list(self._forks._processes):
            cast(Any, process).life.exited()


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """
    A cluster that has as many workers starting as may at a time.
    """
    made = Cluster()
    made.setupPrimary(exec="script.py", stdio="inherit")
    for _ in range(startsAtATime()):
        made.fork()
    yield made
    made.close()


@pytest.mark.parametrize("wrong", [OSError(11, "no more"), OverflowError("too large")])
def test_aStartThatFailsInItsTurnIsTold(cluster: Cluster, wrong: Exception) -> None:
    """
    As one that fails at once, whatever it is.
    """
    late, told = cluster.fork(), []
    cluster.reactor.advance(0)
    late.on("error", lambda failure: told.append(failure.value))
    late.on("exit", lambda code, signal: told.append("exit"))
    cluster.reactor.wrong = wrong
    for _ in range(3):
        cluster.reactor.advance(LONGEST_TURN / 2)
    assert told == [wrong, "exit"]
    assert late.isDead()
    assert late.id not in cluster.workers


def test_whoWaitsForItsTurnIsNotStartedToEnd(cluster: Cluster) -> None:
    """
    Its end is told, and the others are waited for.
    """
    # What others have left is not to go meanwhile.
    gc.collect()
    before, told = len(openNow()), []
    late = cluster.fork()
    late.on("disconnect", lambda: told.append("disconnect"))
    late.on("exit", lambda code, signal: told.append(code))
    cluster.reactor.advance(0)
    stopped = cluster._shutDown()
    assert told == ["disconnect", -errno.ESHUTDOWN]
    assert late.isDead()
    assert len(cluster.workers) == startsAtATime()
    assert len(openNow()) == before
    assert not stopped.called


def test_whoWaitsForItsTurnIsNotStartedToDisconnect(cluster: Cluster) -> None:
    """
    It ends without a process, which is told as other ends are: later, and as meant.
    """
    # What others have left is not to go meanwhile.
    gc.collect()
    before, told = len(openNow()), []
    late = cluster.fork()
    late.on("disconnect", lambda: told.append("disconnect"))
    late.on("exit", lambda code, signal: told.append(code))
    done = cluster.disconnect()
    late.disconnect()
    assert told == []
    assert len(openNow()) == before
    cluster.reactor.advance(0)
    assert told == ["disconnect", -errno.ESHUTDOWN]
    assert late.isDead()
    assert late.exitedAfterDisconnect
    assert len(cluster.workers) == startsAtATime()
    assert not done.called
    cluster.close()
    cluster.reactor.advance(0)
    assert done.called
