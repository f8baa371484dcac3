"""
Whether a worker is ready.
"""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred

from twisted_cluster.worker.readiness import Readiness


class Held:
    """
    A worker's readiness, and what is told of it.
    """

    def __init__(self) -> None:
        self.told: list[object] = []
        self.readiness = Readiness(self.told.append, lambda: self.told.append("failed"))


@pytest.fixture
def held() -> Held:
    """
    That of a worker that has just begun.
    """
    return Held()


def test_whatIsSaidIsToldOnce(held: Held) -> None:
    """
    And nothing where nothing changes.
    """
    for said in (True, False, False, True):
        held.readiness.say(said)
    assert held.told == [False, True]


def test_allPartsOfAStartAreWaitedFor(held: Held) -> None:
    """
    And what the application says itself counts besides.
    """
    first: Deferred[object] = Deferred()
    second: Deferred[object] = Deferred()
    held.readiness.hold(first)
    held.readiness.hold(second)
    held.readiness.say(False)
    first.callback(None)
    second.callback(None)
    assert held.told == [False]
    held.readiness.say(True)
    assert held.told == [False, True]


def test_whatIsDoneAlreadyHoldsNothing(held: Held) -> None:
    """
    Nobody is told that it was not ready for no time.
    """
    done: Deferred[object] = Deferred()
    done.callback("result")
    held.readiness.hold(done)
    assert held.told == []
    assert done.result == "result"


def test_aPartThatFailsFailsTheStart(held: Held) -> None:
    """
    For the first reason; it is never ready then.
    """
    parts: list[Deferred[object]] = [Deferred(), Deferred()]
    for part in parts:
        held.readiness.hold(part)
    parts[0].errback(ValueError("no database"))
    parts[1].errback(ValueError("nor anything else"))
    held.readiness.say(True)
    assert held.told == [False, "failed"]
    assert held.readiness.failure is not None
    assert str(held.readiness.failure.value) == "no database"
