"""
Policies that look at how busy workers are: least-connections, power-of-two, least-lag;
and random, which does not.
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

from attrs import evolve
from hypothesis import given
from hypothesis.strategies import builds, floats, integers, lists, sampled_from

from tests.policies.making import FACTS, choices, numbered, policy, workersWith
from twisted_cluster.testing import WorkerLoad

loads = lists(
    builds(
        WorkerLoad,
        number=integers(1, 99),
        active=integers(0, 9),
        queued=integers(0, 9),
        weight=integers(0, 9),
        lag=floats(0, 1e6) | floats(0, 4000),
    ),
    min_size=1,
    max_size=16,
    unique_by=lambda worker: worker.number,
).map(lambda all: sorted(all, key=lambda worker: worker.number))


@given(loads)
def test_leastConnectionsCountsByWeight(ready: list[WorkerLoad]) -> None:
    """
    Nobody else would have fewer connections for its weight.
    """
    got = policy("least-connections").choose(FACTS, ready)
    cost = {
        worker.number: Fraction(worker.active + worker.queued + 1, worker.weight)
        for worker in ready
        if worker.weight
    }
    assert got is None if not cost else cost[got.number] == min(cost.values())


def test_leastConnectionsChoosesTheIdlest() -> None:
    """
    Served and waiting connections both count; equals take turns, the later ones first.
    """
    chooser = policy("least-connections")
    assert choices(chooser, workersWith(active=[2, 0, 1], queued=[0, 1, 1]), 1) == [2]
    assert choices(chooser, numbered([1, 2, 3]), 4) == [3, 1, 2, 3]


@given(lists(integers(1, 5), min_size=1, max_size=8), integers(1, 5))
def test_connectionsThatStayAreSharedByWeight(weights: list[int], rounds: int) -> None:
    """
    While none ends, each has its weight's share of connections.
    """
    chooser, ready = policy("least-connections"), workersWith(weight=weights)
    for _ in range(sum(weights) * rounds):
        at = chooser.choose(FACTS, ready).number - 1
        ready[at] = evolve(ready[at], active=ready[at].active + 1)
    assert [worker.active for worker in ready] == [each * rounds for each in weights]


@given(loads, integers())
def test_powerOfTwoAvoidsTheBusiest(ready: list[WorkerLoad], seed: int) -> None:
    """
    Who has more connections than anybody else is chosen only if there is nobody else.
    """
    chooser = policy(f"power-of-two:seed={seed}")
    busy = [worker.active + worker.queued for worker in ready]
    for _ in range(8):
        got = chooser.choose(FACTS, ready)
        mine = got.active + got.queued
        assert len(ready) == 1 or mine < max(busy) or busy.count(mine) > 1


@given(sampled_from(["random", "power-of-two"]), integers())
def test_aSeedRepeatsItself(name: str, seed: int) -> None:
    """
    The same seed makes the same choices; no seed, or another, does not.
    """
    ready = numbered(range(1, 9))
    once, again, other = (
        choices(policy(f"{name}{suffix}"), ready, 64)
        for suffix in (f":seed={seed}", f":seed={seed}", f":seed={seed + 1}")
    )
    assert once == again != other
    assert choices(policy(name), ready, 64) != choices(policy(name), ready, 64)


@given(sampled_from(["random", "power-of-two"]), integers(0, 20), integers(2, 16))
def test_chanceIsFair(name: str, seed: int, workers: int) -> None:
    """
    Workers that are alike are chosen about as often: within 30 % after 1000 each.
    """
    ready = numbered(range(1, workers + 1))
    served = Counter(choices(policy(f"{name}:seed={seed}"), ready, 1000 * workers))
    assert all(700 < served[worker.number] < 1300 for worker in ready)


@given(integers(0, 50))
def test_twoChoicesAreBetterThanOne(seed: int) -> None:
    """
    While connections stay, no worker has many more than its share.
    """
    most = {}
    for name in ("random", "power-of-two"):
        chooser, ready = policy(f"{name}:seed={seed}"), numbered(range(1, 17))
        for _ in range(400):
            at = chooser.choose(FACTS, ready).number - 1
            ready[at] = evolve(ready[at], active=ready[at].active + 1)
        most[name] = max(worker.active for worker in ready)
    assert most["power-of-two"] <= 28 < most["random"]


@given(loads, sampled_from(["", ":within=0", ":within=100000"]))
def test_leastLagServesFirst(ready: list[WorkerLoad], argument: str) -> None:
    """
    Nobody's loop is less late by more than the tolerance; of those that are about equal
    nobody has left fewer waiting, or serves fewer.
    """
    within = {"": 2000.0, ":within=0": 0.0, ":within=100000": 1e5}[argument]
    got = policy(f"least-lag{argument}").choose(FACTS, ready)
    least = min(worker.lag for worker in ready)
    equals = [worker for worker in ready if worker.lag <= least + within]
    assert got in equals
    assert (got.queued, got.active) == min((w.queued, w.active) for w in equals)


def test_leastLagTakesTurns() -> None:
    """
    Of equals the next one serves; noise is no difference.
    """
    chooser = policy("least-lag")
    ready = workersWith(lag=[900.0, 1500.0, 0.0, 2000.5])
    assert choices(chooser, ready, 5) == [1, 2, 3, 1, 2]


def test_whoIsBlockedTrapsOneClient() -> None:
    """
    A worker that has not taken what it was handed gets nothing more, however many
    connections the others serve, and whatever its lag was a moment ago.
    """
    ready = workersWith(active=[0, 50, 60], queued=[1, 0, 0], lag=[0.0, 1000.0, 1000.0])
    assert choices(policy("least-lag"), ready, 3) == [2, 2, 2]
