"""
Policies that go in turn: round-robin, weighted.
"""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis.strategies import integers, lists

from tests.policies.making import FACTS, choices, numbered, policy, workersWith

weights = lists(integers(0, 9), min_size=1, max_size=12).filter(any)


@given(integers(1, 64), integers(1, 10))
def test_roundRobinIsFair(workers: int, rounds: int) -> None:
    """
    After whole rounds everyone has served as often.
    """
    ready = numbered(range(1, workers + 1))
    served = Counter(choices(policy("round-robin"), ready, workers * rounds))
    assert served == dict.fromkeys(range(1, workers + 1), rounds)


@given(weights, integers(1, 4))
def test_weightsAreShares(weights: list[int], rounds: int) -> None:
    """
    Of as many choices as the weights sum up to, each gets its weight, round by round.
    """
    chooser, ready = policy("weighted"), workersWith(weight=weights)
    expected = {n: weight for n, weight in enumerate(weights, 1) if weight}
    for _ in range(rounds):
        assert Counter(choices(chooser, ready, sum(weights))) == expected


def test_weightsAreSpread() -> None:
    """
    The heavy one does not serve many in a row, as in nginx's example.
    """
    ready = workersWith(weight=[5, 1, 1])
    assert choices(policy("weighted"), ready, 7) == [1, 1, 2, 1, 3, 1, 1]


def test_ofNoWeightConnectionsWait() -> None:
    """
    If nobody is to have a share, nobody is chosen, until somebody is.
    """
    for text in ("weighted", "least-connections"):
        chooser = policy(text)
        assert chooser.choose(FACTS, workersWith(weight=[0, 0])) is None
        assert choices(chooser, workersWith(weight=[0, 1]), 3) == [2, 2, 2]


@given(integers(0, 300), integers(1, 5))
def test_whoLeavesStarvesNobody(before: int, others: int) -> None:
    """
    What a heavy worker owed or was owed is no matter when it is gone: the others have
    their turns within a few rounds, and so has who joins them.
    """
    chooser = policy("weighted")
    choices(chooser, workersWith(weight=[100] + [1] * others), before)
    rest = workersWith(weight=[0] + [1] * (others + 1))
    served = Counter(choices(chooser, rest, 4 * (others + 1)))
    assert all(served[number] >= 1 for number in range(2, others + 3))


@given(lists(weights, min_size=1, max_size=30))
def test_weightedKeepsOnlyWhoIsThere(rounds: list[list[int]]) -> None:
    """
    What is remembered does not grow with who has come and gone.
    """
    chooser = policy("weighted")
    for start, weights in enumerate(rounds):
        ready = numbered(range(20 * start + 1, 20 * start + 1 + len(weights)))
        choices(chooser, ready, 3)
    assert len(chooser._due) <= 2 * 12
