"""
Timers of a worker.
"""

from __future__ import annotations

from typing import Any, cast

import pytest
from twisted.internet.error import AlreadyCalled, AlreadyCancelled
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from twisted_cluster.reactors import IClusterReactor
from twisted_cluster.worker.beats import BeatReactor


class SteppedReactor(BeatReactor):
    """
    Its time is set by the test.
    """

    now = 0.0

    def seconds(self) -> float:
        return self.now

    def beatAt(self, now: float) -> None:
        """
        Time has passed.
        """
        self.now = now
        self.beat()


def newReactor() -> SteppedReactor:
    """
    A reactor with timers of its own.
    """
    return SteppedReactor(cast(IClusterReactor, MemoryReactorClock()), print)


def test_callsComeInTheirOrder() -> None:
    """
    Whatever the order in which they were asked for.
    """
    reactor, called = newReactor(), []
    for delay in (3.0, 1.0, 2.0, 1.0):
        reactor.callLater(delay, called.append, delay)
    reactor.beatAt(0.9)
    assert called == []
    reactor.beatAt(2.0)
    assert called == [1.0, 1.0, 2.0]
    reactor.beatAt(9.0)
    assert called == [1.0, 1.0, 2.0, 3.0]


def test_callsCanBeCancelledAndPutOff() -> None:
    """
    As any reactor's.
    """
    reactor, called = newReactor(), []
    first = reactor.callLater(1.0, called.append, "first")
    later = reactor.callLater(1.0, called.append, "later")
    sooner = reactor.callLater(9.0, called.append, "sooner")
    first.cancel()
    later.delay(1.0)
    sooner.reset(0.5)
    reactor.beatAt(1.5)
    assert called == ["sooner"]
    reactor.beatAt(2.0)
    assert called == ["sooner", "later"]
    reactor.beatAt(20.0)
    assert called == ["sooner", "later"]
    with pytest.raises(AlreadyCalled):
        later.cancel()
    with pytest.raises(AlreadyCancelled):
        first.cancel()


def test_whatCallsItselfAgainEndsNoTurn() -> None:
    """
    It is called once in a beat.
    """
    reactor, called = newReactor(), []

    def again() -> None:
        called.append(1)
        reactor.callLater(0.0, again)

    again()
    reactor.now = 1.0
    monotonic = iter([1.0, *[1.001] * 10])
    reactor.seconds = lambda: next(monotonic)  # type: ignore[method-assign]
    reactor.beat()
    assert len(called) == 2


def test_beatsAreAskedForInTime() -> None:
    """
    By when the next call is due; of those that were cancelled too, which is too often.
    """
    asked: list[int] = []
    reactor = SteppedReactor(cast(IClusterReactor, MemoryReactorClock()), asked.append)
    reactor.callLater(3.0, asked.append, -3)
    reactor.callLater(2.0, asked.append, -2)
    assert asked == [3 * 10**9, 2 * 10**9]
    reactor.beatAt(2.0)
    assert asked[2:] == [-2, 3 * 10**9]
    reactor.beatAt(3.0)
    assert asked[4:] == [-3]


def test_allElseIsTheReactors() -> None:
    """
    Whatever is no timer.
    """
    stock = MemoryReactorClock()
    reactor: Any = BeatReactor(cast(IClusterReactor, stock), print)
    reader = object()
    reactor.addReader(reader)
    assert stock.getReaders() == [reader]


class FailingTests(SynchronousTestCase):
    """
    What is called fails.
    """

    def test_othersAreCalledAllTheSame(self) -> None:
        """
        What it raises is logged, whatever it is.
        """
        reactor, called = newReactor(), []

        def fail(error: BaseException) -> None:
            raise error

        for error in (ValueError("a"), SystemExit(), KeyboardInterrupt()):
            reactor.callLater(1.0, fail, error)
        reactor.callLater(1.0, called.append, 1)
        reactor.beatAt(1.0)
        assert called == [1]
        assert len(self.flushLoggedErrors()) == 3
