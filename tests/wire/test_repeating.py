"""
Calls that are repeated.
"""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from twisted_cluster.wire.repeating import Repeating


@pytest.mark.parametrize("wrong", [OSError, SystemExit, KeyboardInterrupt])
def test_itGoesOnWhateverItRaises(wrong: type[BaseException]) -> None:
    """
    Each failure is counted, and the next call comes when it is due.
    """
    clock, calls = Clock(), []

    def call() -> None:
        calls.append(clock.seconds())
        raise wrong

    repeating = Repeating(clock, call, 0.5, "a test's call")
    repeating.start()
    assert calls == []
    clock.pump([0.5] * 4)
    assert calls == [0.5, 1.0, 1.5, 2.0]
    assert repeating.failures == 4
    repeating.stop()
    assert clock.getDelayedCalls() == []


def test_itMayStopItself() -> None:
    """
    Then it is not called again, until it is started again; twice is once.
    """
    clock, calls = Clock(), []

    def call() -> None:
        calls.append(None)
        repeating.stop()
        repeating.stop()

    repeating = Repeating(clock, call, 1.0, "a test's call")
    for count in (1, 2):
        repeating.start()
        repeating.start()
        assert repeating.running
        clock.pump([1.0] * 3)
        assert len(calls) == count
        assert not repeating.running


def test_aCallThatTakesLongIsNotMadeUpFor() -> None:
    """
    After a stall there is one call, not all that were missed.
    """
    clock, calls = Clock(), []
    repeating = Repeating(clock, lambda: calls.append(None), 0.05, "a test's call")
    repeating.start()
    clock.advance(10)
    assert len(calls) == 1
    repeating.stop()
