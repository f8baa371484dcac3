"""
What is told of a worker that takes back that it is ready.
"""

from __future__ import annotations

from twisted.internet.testing import MemoryReactorClock

from tests.logged import Logged
from twisted_cluster.primary.lives.said import Speaker
from twisted_cluster.primary.lives.unready import ReadinessTold


class Subject:
    """
    A worker.
    """

    name = "worker 1 (100)"
    speaker = Speaker(1, 1, 1, 100)
    age, served, drainTimeout = 1.0, 0, 30.0


def test_whatChangesOftenIsToldOnceASecond(logged: Logged) -> None:
    """
    And what has become of it in the end.
    """
    clock = MemoryReactorClock()
    told = ReadinessTold(clock, Subject())
    for isReady in (False, True, False, True):
        told.tell(isReady)
    away, again = (
        "worker 1 (100) is not ready: it is offered nothing",
        "worker 1 (100) is ready again",
    )
    assert logged.texts() == [away]
    clock.advance(1.0)
    assert logged.texts() == [away, again]
    clock.advance(1.0)
    told.tell(False)
    told.end()
    assert logged.texts() == [away, again, away]
    assert not clock.getDelayedCalls()
