"""
How much another may have of something.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis.strategies import floats, lists, tuples

from twisted_cluster.core.allowance import Allowance
from twisted_cluster.defaults import LOG_RATE

times = floats(0.0, 5.0)


def test_whoHasTakenNothingMayTakeSomeAtOnce() -> None:
    """
    What is beyond that has to be earned first.
    """
    allowance = Allowance(0.1, 1.0)
    assert allowance.spend(10.0, 0.5) == 0.0
    assert allowance.spend(10.0, 0.5) == 0.0
    assert allowance.spend(10.0, 0.25) == pytest.approx(2.5)
    assert allowance.spend(12.5, 0.25) == pytest.approx(2.5)
    # What was not taken is not saved up beyond that.
    assert allowance.spend(1000.0, 1.0) == 0.0
    assert allowance.spend(1000.0, 0.5) == pytest.approx(5.0)


@given(lists(tuples(times, times)))
def test_inTheLongRunItIsTheShare(turns: list[tuple[float, float]]) -> None:
    """
    However long each turn takes, if the rests are kept.
    """
    allowance = Allowance(0.1, 1.0)
    now, spent, longest = 0.0, 0.0, 0.0
    for pause, work in turns:
        now += pause
        spent += work
        now += allowance.spend(now, work)
        longest = max(longest, work)
    assert spent <= 0.1 * now + 1.0 + longest + 1e-6


def test_whatIsSavedMayComeAtOnce() -> None:
    """
    And then as much as the time brings.
    """
    lines = Allowance(10.0, 100.0)
    assert sum(lines.takes(100.0, 1.0) for _ in range(200)) == 100
    assert sum(lines.takes(100.5, 1.0) for _ in range(100)) == 5
    assert sum(lines.takes(1000.0, 1.0) for _ in range(200)) == 100


def test_whatIsLargeIsPaidForLater() -> None:
    """
    It may come while there is anything left.
    """
    lines = Allowance(10.0, 100.0)
    assert lines.takes(0.0, 1000.0)
    assert not lines.takes(89.0, 1.0)
    assert lines.takes(91.0, 1.0)


def test_anAccessLogIsBelowTheLimit() -> None:
    """
    With room for faster machines: stock twistd writes some 8,000 lines a second.
    """
    allowance = Allowance(LOG_RATE, LOG_RATE)
    assert all(allowance.takes(n / 16_000, 1.0) for n in range(160_000))
