"""
Who keeps the primary from handing over.
"""

from __future__ import annotations

import threading

import pytest
from attrs import Factory, define
from twisted.logger import capturedLogs

from tests.process.cluster import eventually
from twisted_cluster.errors import ClusterError
from twisted_cluster.primary.lives import crowding
from twisted_cluster.primary.lives.crowding import LEAST, Crowding


@define
class Hand:
    isCrowdedOut: bool = False


@define
class Worker:
    pid: int | None
    hand: Hand = Factory(Hand)
    refused: str = ""

    def refuse(self, error: ClusterError) -> None:
        self.refused = str(error)


@pytest.fixture
def onTheirWay(monkeypatch: pytest.MonkeyPatch) -> dict[int, int]:
    """
    What the system says of each process.
    """
    found: dict[int, int] = {}

    class Told:
        def __init__(self, pids: object) -> None:
            self.found = found

    monkeypatch.setattr(crowding, "Count", Told)
    return found


def test_whoHasMostOnTheirWayIsToBlame(onTheirWay: dict[int, int]) -> None:
    """
    If that is many: of those that are still there.
    """
    workers = [Worker(None), Worker(11), Worker(12), Worker(13)]
    look = Crowding(lambda: workers).look
    onTheirWay.update({11: LEAST, 12: LEAST + 1, 14: 10**6})
    look()
    look()
    assert not any(worker.refused for worker in workers)
    workers[3].hand.isCrowdedOut = True
    look()
    assert not workers[3].hand.isCrowdedOut
    look()
    why = f"it has {LEAST + 1} descriptors on their way, and receives none"
    assert [worker.refused for worker in workers] == ["", "", why, ""]
    look()


def test_whereNoWorkerIsToBlameThatIsTold(onTheirWay: dict[int, int]) -> None:
    """
    Once a minute.
    """
    workers = [Worker(11)]
    look = Crowding(lambda: workers).look
    with capturedLogs() as logged:
        for found in ({}, {11: 5}, {}):
            onTheirWay.clear()
            onTheirWay.update(found)
            workers[0].hand.isCrowdedOut = True
            look()
            look()
    (event,) = logged
    assert "none of them is a worker" in event["log_format"]
    assert not workers[0].refused


def test_withoutAThreadItIsAskedLater(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A system that has none to spare says nothing now.
    """

    def fail(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    workers = [Worker(1)]
    looking = Crowding(lambda: workers)
    workers[0].hand.isCrowdedOut = True
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", fail)
        looking.look()
    with capturedLogs() as logged:
        eventually(lambda: looking.look() or bool(logged), "it is told")


def test_theSystemIsAsked() -> None:
    """
    Aside, meanwhile nobody is asked again.
    """
    workers = [Worker(1)]
    looking = Crowding(lambda: workers)
    workers[0].hand.isCrowdedOut = True
    with capturedLogs() as logged:
        looking.look()
        eventually(lambda: looking.look() or bool(logged), "it is told")
