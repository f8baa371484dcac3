"""
Timers that the wall clock is nothing to.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher

from tests.wire.poor import fewDescriptors
from twisted_cluster.wire import steady as module
from twisted_cluster.wire.steady import SteadyReactor, steady

HOUR = 3600.0


class JumpingReactor(EPollReactor):
    """
    Whose wall clock is set by a test.
    """

    jump = 0.0

    def seconds(self) -> float:
        return time.time() + self.jump


@pytest.fixture
def reactor() -> Iterator[JumpingReactor]:
    """
    A reactor of its own, which is turned by hand.
    """
    made = JumpingReactor()
    yield made
    for reader in made.removeAll():
        reader.connectionLost(None)


def turn(reactor: EPollReactor, done: list[object], count: int, longest: float) -> None:
    """
    Turn a reactor until so much is done.
    """
    deadline = time.monotonic() + longest
    while len(done) < count:
        assert time.monotonic() < deadline, done
        reactor.runUntilCurrent()
        reactor.doIteration(min(0.05, reactor.timeout() or 0.05))


@pytest.mark.parametrize("jump", [-HOUR, HOUR])
def test_wallClockIsNothingToIt(reactor: JumpingReactor, jump: float) -> None:
    """
    An hour back or forward, while something is to be called: it comes in its time.
    """
    ours = steady(reactor)
    begun = time.monotonic()
    called: list[object] = []
    ours.callLater(0.2, called.append, "late")
    ours.callLater(0.1, called.append, "early")
    reactor.jump = jump
    turn(reactor, called, 2, 5.0)
    assert called == ["early", "late"]
    assert 0.2 <= time.monotonic() - begun < 2.0


def test_stockTimersFollowIt(reactor: JumpingReactor) -> None:
    """
    That is why: an hour forward, and what was to come in an hour comes now.
    """
    called: list[object] = []
    reactor.callLater(HOUR, called.append, None)
    reactor.jump = HOUR
    turn(reactor, called, 1, 5.0)


def test_whatIsCancelledIsNotCalled(reactor: JumpingReactor) -> None:
    """
    Nor does it keep others from being called.
    """
    ours = steady(reactor)
    called: list[object] = []
    ours.callLater(0.01, called.append, "never").cancel()
    ours.callLater(0.02, called.append, "called")
    turn(reactor, called, 1, 5.0)
    assert called == ["called"]
    assert list(ours.getDelayedCalls()) == []


def test_nothingIsReadWhileNothingIsToBeCalled(reactor: JumpingReactor) -> None:
    """
    Nor does it keep a loop that waits for nothing from ending.
    """
    ours = steady(reactor)
    called: list[object] = []
    ours.callLater(0.0, called.append, None).cancel()
    assert ours not in reactor.getReaders()
    for count in range(1, 3):
        ours.callLater(0.0, called.append, None)
        assert ours in reactor.getReaders()
        turn(reactor, called, count, 5.0)
        assert ours not in reactor.getReaders()


def test_aProcessAtItsLimitHasTimers(reactor: JumpingReactor, nothingLeft: None) -> None:
    """
    What they need is open from the start, and until they are not used any more.
    """
    ours = steady(reactor)
    called: list[object] = []
    for count in range(1, 3):
        with fewDescriptors(0):
            ours.callLater(0.0, called.append, None)
        turn(reactor, called, count, 5.0)
    del ours


def test_resetIsAnotherTime(reactor: JumpingReactor) -> None:
    """
    Sooner, or later.
    """
    ours = steady(reactor)
    called: list[object] = []
    ours.callLater(HOUR, called.append, "sooner").reset(0.02)
    ours.callLater(0.01, called.append, "later").reset(0.05)
    turn(reactor, called, 2, 5.0)
    assert called == ["sooner", "later"]


def test_whatRaisesStopsNobodyElse(reactor: JumpingReactor) -> None:
    """
    It is logged, and the next is called.
    """
    ours = steady(reactor)
    called: list[object] = []
    logged: list[object] = []
    globalLogPublisher.addObserver(logged.append)
    try:
        ours.callLater(0.0, divmod, 1, 0)
        ours.callLater(0.0, called.append, "next")
        turn(reactor, called, 1, 5.0)
    finally:
        globalLogPublisher.removeObserver(logged.append)
    assert "what was to be called later has failed" in str(logged)


def test_restIsTheReactors(reactor: JumpingReactor) -> None:
    """
    All but timers.
    """
    ours = steady(reactor)
    assert isinstance(ours, SteadyReactor)
    assert ours.addReader == reactor.addReader
    assert ours.running is False


def test_doublesKeepTheirOwnTime() -> None:
    """
    A test's clock is what it is.
    """
    clock = Clock()
    assert steady(clock) is clock  # type: ignore[comparison-overlap, arg-type]


def test_withoutATimerTheReactorsOwnIsUsed(
    reactor: JumpingReactor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    That is said.
    """

    def refuse() -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(module, "TimerFD", refuse)
    assert steady(reactor) is reactor
