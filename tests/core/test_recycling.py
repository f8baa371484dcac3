"""
Who has served for long enough.
"""

from __future__ import annotations

import random

import pytest

from twisted_cluster.core.recycling import JITTER, LEAST_AGE, MEGABYTE, Recycling, Wear


def exact(maxAge: float = 0, maxServed: int = 0, maxRss: int = 0) -> Recycling:
    """
    Limits without jitter.
    """
    return Recycling(maxAge, maxServed, maxRss, lambda: 0.0)


def test_nobodyIsWornWithoutLimits() -> None:
    """
    Whatever is behind it.
    """
    recycling = exact()
    assert not recycling.isAsked
    assert recycling.look([Wear(1, 1e9, 10**9, 1 << 40)]) is None


@pytest.mark.parametrize(
    ("recycling", "below", "beyond", "why"),
    [
        (exact(maxAge=60), Wear(1, 59, 0, 0), Wear(1, 61, 0, 0), "it is 61 s old"),
        (
            exact(maxServed=10),
            Wear(1, 0, 9, 0),
            Wear(1, 0, 10, 0),
            "it has served 10 connections",
        ),
        (
            exact(maxRss=50 * MEGABYTE),
            Wear(1, 20, 0, 49 * MEGABYTE),
            Wear(1, 20, 0, 51 * MEGABYTE),
            "it has 51 MB of memory",
        ),
    ],
)
def test_eachLimitHasItsReason(
    recycling: Recycling, below: Wear, beyond: Wear, why: str
) -> None:
    """
    Below it nobody is worn.
    """
    assert recycling.look([below]) is None
    worn = recycling.look([beyond])
    assert worn is not None
    assert (worn.id, worn.why) == (1, why)


def test_whoIsBeyondByMostIsFirst() -> None:
    """
    By whichever limit.
    """
    recycling = exact(maxAge=100, maxServed=10)
    there = [Wear(1, 150, 0, 0), Wear(2, 0, 20, 0), Wear(3, 0, 5, 0)]
    worn = recycling.look(there)
    assert worn is not None
    assert worn.id == 2


def test_whoHasTooMuchMemoryFromTheFirstMomentServesForAWhile() -> None:
    """
    Else nobody would ever serve.
    """
    recycling = exact(maxRss=1)
    assert recycling.look([Wear(1, LEAST_AGE - 1, 0, MEGABYTE)]) is None
    assert recycling.look([Wear(1, LEAST_AGE, 0, MEGABYTE)]) is not None


def test_eachWorkerHasItsOwnLimits() -> None:
    """
    Lower by a tenth at most; the same for as long as it lives.
    """
    recycling = Recycling(1000, 0, 0, random.Random(1).random)
    ids = range(1, 51)
    due: dict[int, int] = {}
    for age in range(850, 1001):
        for id in ids:
            recycling.look([Wear(each, 0, 0, 0) for each in ids])
            worn = recycling.look([Wear(e, age if e == id else 0, 0, 0) for e in ids])
            if worn is not None:
                due.setdefault(worn.id, age)
    assert sorted(due) == list(ids)
    assert len(set(due.values())) > 20
    assert min(due.values()) >= 1000 * (1 - JITTER)
    assert max(due.values()) - min(due.values()) > 50
