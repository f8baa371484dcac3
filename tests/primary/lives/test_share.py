"""
How much of the primary's time it takes to log what workers say.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from twisted_cluster.primary.lives import share as module
from twisted_cluster.primary.lives.share import (
    ALL,
    AT_ONCE,
    SHARE,
    WAY,
    Share,
    Together,
)


class Time:
    """
    What the clocks of a process say that does nothing but work for a few.
    """

    def __init__(self) -> None:
        self.now = 1000.0
        self.worked = 0.0

    def monotonic(self) -> float:
        return self.now

    def thread_time(self) -> float:
        return self.worked

    def work(self, seconds: float) -> None:
        self.now += seconds
        self.worked += seconds


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    made = Time()
    monkeypatch.setattr(module, "time", made)
    return made


def worked(time: Time, shares: Sequence[Share], seconds: float, each: float) -> float:
    """
    Work for each as soon as it may be.

    @param each: How long for one at a time.
    @return: Which part of the time that was.
    """
    begun, spent = time.now, 0.0
    due = dict.fromkeys(shares, time.now)
    while time.now - begun < seconds:
        share = min(due, key=lambda one: due[one])
        time.now = max(time.now, due[share])
        due[share] = time.now + share.restAfter(lambda: time.work(each))
        spent += each
    return spent / seconds


def test_oneHasItsShare(time: Time) -> None:
    """
    In the long run.
    """
    share = Share(Together())
    part = worked(time, [share], 100.0, 0.001)
    assert part == pytest.approx(SHARE, rel=0.1)


def test_allHaveNoMoreThanIsForAll(time: Time) -> None:
    """
    However many of them log without end.
    """
    together = Together()
    part = worked(time, [Share(together) for _ in range(6)], 100.0, 0.001)
    assert part == pytest.approx(ALL, rel=0.1)


def test_whoSaysLittleIsNotKeptFromIt(time: Time) -> None:
    """
    Also while others log without end: it rests for a moment.
    """
    together = Together()
    worked(time, [Share(together) for _ in range(30)], 10.0, 0.001)
    assert Share(together).restAfter(lambda: time.work(0.00005)) < 0.01


def test_whoWasAloneAgainHasItsShare(time: Time) -> None:
    """
    When the others say nothing more.
    """
    together = Together()
    shares = [Share(together) for _ in range(4)]
    worked(time, shares, 10.0, 0.001)
    part = worked(time, shares[:1], 100.0, 0.001)
    assert part == pytest.approx(SHARE, rel=0.1)


def test_manyTimesLittleIsMuch(time: Time) -> None:
    """
    To come to a worker's wire takes time itself.
    """
    share = Share(Together())
    often = round(2 * AT_ONCE / WAY)
    assert any(share.restAfter(lambda: None) for _ in range(often))
