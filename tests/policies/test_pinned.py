"""
One worker for a listener.
"""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis.strategies import integers

from tests.policies.making import (
    FACTS,
    choices,
    chosen,
    numbered,
    policy,
    replaced,
    without,
)
from twisted_cluster.events import ListenerFacts
from twisted_cluster.interfaces import ILoyalPolicy
from twisted_cluster.testing import connectionFrom


def test_oneServesAll() -> None:
    """
    Whoever connects, and whoever joins.
    """
    chooser = policy("pinned")
    assert ILoyalPolicy.providedBy(chooser)
    assert choices(chooser, replaced(numbered([2, 3]), 2), 5) == [2] * 5
    assert choices(chooser, replaced(numbered([1, 2, 3, 4]), 2), 5) == [2] * 5


def test_afterItsEndAnotherServes() -> None:
    """
    It stays with the other one, though the first is replaced.
    """
    chooser, ready = policy("pinned"), numbered([1, 2, 3])
    assert choices(chooser, ready, 1) == [1]
    assert choices(chooser, without(ready, 1), 1) == [2]
    assert choices(chooser, replaced(ready, 1), 2) == [2, 2]


@given(integers(1, 16), integers(1, 4))
def test_listenersAreSpread(workers: int, rounds: int) -> None:
    """
    As many listeners as workers have one each.
    """
    ready, served = numbered(range(1, workers + 1)), Counter[int]()
    for number in range(1, workers * rounds + 1):
        listener = ListenerFacts(number, "tcp:80")
        served[chosen(policy("pinned"), connectionFrom(listener=listener), ready)] += 1
    assert set(served.values()) == {rounds}


def test_aNumberIsThatOne() -> None:
    """
    Without it connections wait, and its replacement serves.
    """
    chooser, ready = policy("pinned:worker=2"), numbered([1, 2, 3])
    assert choices(chooser, ready, 3) == [2, 2, 2]
    assert chooser.choose(FACTS, without(ready, 2)) is None
    assert choices(chooser, replaced(ready, 2), 1) == [2]
