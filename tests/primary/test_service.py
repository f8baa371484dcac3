"""
The cluster as a service, without processes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from attrs import evolve
from twisted.application.service import MultiService
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import capturedLogs
from zope.interface import implementer

from tests.logged import logging
from twisted_cluster import ClusterConfig
from twisted_cluster.errors import ClusterError
from twisted_cluster.events import Dispatch
from twisted_cluster.interfaces import ISchedulingPolicy
from twisted_cluster.primary.service import ClusterService
from twisted_cluster.primary.settings import Settings


class RefusingReactor(MemoryReactorClock):
    """
    The system has no room for processes.
    """

    def spawnProcess(self, *arguments: object, **more: object) -> None:
        raise OSError(11, "Resource temporarily unavailable")


@implementer(ISchedulingPolicy)
class Own:
    """
    A policy of one's own.
    """


class StubbornReactor(MemoryReactorClock):
    """
    Processes begin, and never end.
    """

    def spawnProcess(self, *arguments: object, **more: object) -> StubbornReactor:
        return self

    pid = 100


def config(workers: int = 2) -> ClusterConfig:
    """
    A cluster on some port of 127.0.0.1, which waits for no template.
    """
    listen = "tcp:0:interface=127.0.0.1"
    settings = Settings(listen=listen, workers=workers, warm="no")
    return ClusterConfig.forApp("mod.factory", **settings)


def test_givingUpIsToldAndStopsTheService() -> None:
    """
    Nothing is left open; the process, and its exit code, are its host's.
    """
    reactor = RefusingReactor()
    service = ClusterService(reactor, config())
    told: list[Sequence[str]] = []
    service.whenGivenUp().addCallback(told.append)
    service.startService()
    reactor.pump([0.05] * 40)
    [[words]] = told
    refusal = "[Errno 11] Resource temporarily unavailable; "
    assert words.startswith(f"twistd cluster: cannot start worker 1: {refusal}")
    assert "ulimit -u" in words
    assert not service.running
    assert service.rooms.listeners.byNumber == {}
    assert reactor.getReaders() == []
    assert service.snapshot().gone.refused == 1


def test_oneApplicationMayHaveSeveral() -> None:
    """
    None has a name unless somebody gives it one.
    """
    reactor, together = StubbornReactor(), MultiService()
    made = [ClusterService(reactor, config()) for _ in range(2)]
    for service in made:
        service.setServiceParent(together)
    assert list(together) == made


def test_whileItStopsItCannotBeStarted() -> None:
    """
    It would bind what is about to be closed.
    """
    reactor = StubbornReactor()
    service = ClusterService(reactor, config())
    service.startService()
    service.stopService()
    assert service.snapshot().isStopping
    with pytest.raises(ClusterError, match="is stopping"):
        service.startService()


def test_stoppingTwiceIsStoppingOnce() -> None:
    """
    Each who asks is told.
    """
    service = ClusterService(RefusingReactor(), config())
    service.privilegedStartService()
    assert [service.stopService().called for _ in range(2)] == [True, True]
    assert service.rooms.listeners.byNumber == {}


def test_snapshotIsOfWhatThereIs() -> None:
    """
    One worker that starts; a port that nobody serves yet.
    """
    service = ClusterService(StubbornReactor(), config(workers=3))
    service.startService()
    there = service.snapshot()
    assert there.wanted == 3
    assert [(one.id, one.slot, one.pid, one.state) for one in there.workers] == [
        (1, 1, 100, "starting")
    ]
    assert [(one.workers, one.waiting, one.isAccepting) for one in there.listeners] == [
        ([], 0, False)
    ]
    assert not there.isReady
    service.rooms.listeners.closeAll()


def test_whatIsSaidOfNobodyIsToldOnce() -> None:
    """
    And not whenever a worker has been replaced.
    """
    known = config(workers=1)
    limits = evolve(known.limits, listeners={"tcp:1": 5})
    dispatch = Dispatch(listeners={"tcp:2": "kernel"})
    named = evolve(known, limits=limits, dispatch=dispatch)
    service = ClusterService(StubbornReactor(), named)
    with capturedLogs() as logs:
        for _ in range(3):
            service._announcing.allUp(1)
    said = [(event["option"], event["name"]) for event in logs if "name" in event]
    assert said == [("--max-connections", "tcp:1"), ("--dispatch", "tcp:2")]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"weights": "3,1"}, ["--weights: this policy does not look at them"]),
        ({"weights": "3,1", "policy": "none"}, ["--weights: this policy"]),
        ({"group": "api=1"}, ["--group: this policy does not look at groups"]),
        ({"group": "api=1", "policy": "weighted"}, ["--group: this policy"]),
        ({"atLimit": "shed"}, ["--at-limit shed: there is no limit"]),
        (
            {"dispatch": "kernel", "policy": "none"},
            ["--dispatch kernel: with the"],
        ),
        ({"dispatch": "shared", "policy": "none"}, []),
        ({"weights": "3,1", "policy": "weighted"}, []),
        ({"weights": "1,1"}, []),
        ({"weights": "3,1", "policy": Own}, []),
        ({"atLimit": "shed", "maxConnections": 3}, []),
    ],
)
def test_whatNobodyLooksAtIsTold(settings: Any, said: list[str]) -> None:
    """
    Once, when the cluster starts; nothing is known of policies of one's own.
    """
    service = ClusterService(
        RefusingReactor(), ClusterConfig.forApp("mod.app", workers=2, **settings)
    )
    with logging() as logged:
        service.startService()
    warned = [text for text in logged.texts() if text.startswith("--")]
    assert len(warned) == len(said)
    assert all(text.startswith(one) for text, one in zip(warned, said, strict=True))
