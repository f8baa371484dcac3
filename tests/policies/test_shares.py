"""
Policies that give shares, or the least busy.
"""

from __future__ import annotations

from collections import Counter

from attrs import evolve
from hypothesis import given
from hypothesis.strategies import integers, lists, sampled_from

from twisted_cluster.plugins import parsePolicy
from twisted_cluster.testing import WorkerLoad, connectionFrom, idleWorkers

FACTS = connectionFrom()


@given(lists(integers(0, 9), min_size=1, max_size=12).filter(any), integers(1, 3))
def test_weightedIsExact(weights: list[int], rounds: int) -> None:
    """
    Of as many choices as the weights sum up to, each gets its weight.
    """
    policy = parsePolicy("weighted")()
    ready = [WorkerLoad(n, weight=weight) for n, weight in enumerate(weights, 1)]
    for _ in range(rounds):
        served = Counter(policy.choose(FACTS, ready).number for _ in range(sum(weights)))
        assert served == {n: weight for n, weight in enumerate(weights, 1) if weight}


def test_weightedIsSmooth() -> None:
    """
    The heavy one is not given all of its share in a row.
    """
    policy = parsePolicy("weighted")()
    ready = [WorkerLoad(1, weight=5), WorkerLoad(2), WorkerLoad(3)]
    order = [policy.choose(FACTS, ready).number for _ in range(7)]
    assert order == [1, 1, 2, 1, 3, 1, 1]


@given(lists(integers(1, 5), min_size=2, max_size=6), integers(0, 20))
def test_weightedForgetsWhoHasGone(weights: list[int], before: int) -> None:
    """
    However it stood before, soon those who are there have their shares.
    """
    policy = parsePolicy("weighted")()
    ready = [WorkerLoad(n, weight=weight) for n, weight in enumerate(weights, 1)]
    for _ in range(before):
        policy.choose(FACTS, ready)
    fewer = ready[1:]
    total = sum(weights[1:])
    served = Counter(policy.choose(FACTS, fewer).number for _ in range(20 * total))
    for worker in fewer:
        assert abs(served[worker.number] - 20 * worker.weight) <= 2 * max(weights) + 2


@given(sampled_from(["weighted", "least-connections"]), integers(1, 8))
def test_nobodyWithoutWeightServes(name: str, count: int) -> None:
    """
    Weight 0 is given nothing; if that is all there is, connections wait.
    """
    policy = parsePolicy(name)()
    none = [WorkerLoad(n, weight=0) for n in range(1, count + 1)]
    assert policy.choose(FACTS, none) is None
    one = [*none, WorkerLoad(count + 1, active=1000)]
    assert policy.choose(FACTS, one).number == count + 1


def test_leastConnectionsLooksAtWeight() -> None:
    """
    Three times the weight is three times the connections.
    """
    policy = parsePolicy("least-connections")()
    ready = [WorkerLoad(1, weight=3), WorkerLoad(2)]
    for _ in range(40):
        chosen = policy.choose(FACTS, ready)
        ready[chosen.number - 1] = evolve(chosen, active=chosen.active + 1)
    assert [worker.active for worker in ready] == [30, 10]


@given(lists(integers(0, 50), min_size=2, max_size=16), integers())
def test_powerOfTwoNeverChoosesTheBusiest(active: list[int], seed: int) -> None:
    """
    Unless others are as busy.
    """
    policy = parsePolicy(f"power-of-two:seed={seed}")()
    ready = [WorkerLoad(n, active=many) for n, many in enumerate(active, 1)]
    busiest = [worker for worker in ready if worker.active == max(active)]
    chosen = policy.choose(FACTS, ready)
    assert chosen not in busiest or len(busiest) > 1


@given(integers(), sampled_from(["random", "power-of-two"]))
def test_seedsRepeat(seed: int, name: str) -> None:
    """
    The same seed makes the same choices.
    """
    ready = idleWorkers(8)
    one, two = (parsePolicy(f"{name}:seed={seed}")() for _ in range(2))
    for _ in range(30):
        assert one.choose(FACTS, ready) == two.choose(FACTS, ready)


def test_leastLagAvoidsALateLoop() -> None:
    """
    Small differences count for nothing, large ones for everything; of the others the one
    with the least to do serves.
    """
    policy = parsePolicy("least-lag:within=2000")()
    late, near, idle = WorkerLoad(1, lag=9000), WorkerLoad(2, 3, lag=100), WorkerLoad(3)
    assert policy.choose(FACTS, [late, near, idle]) is idle
    busy = evolve(idle, active=9, lag=1900)
    assert policy.choose(FACTS, [late, near, busy]) is near
    assert policy.choose(FACTS, [late]) is late


def test_pinnedStaysUntilItsWorkerIsGone() -> None:
    """
    Another takes over, and keeps the port when the first one's replacement comes.
    """
    policy = parsePolicy("pinned")()
    ready = idleWorkers(3)
    first = policy.choose(FACTS, ready)
    assert all(policy.choose(FACTS, ready) is first for _ in range(5))
    others = [worker for worker in ready if worker is not first]
    second = policy.choose(FACTS, others)
    again = [evolve(first, id=99), *others]
    assert policy.choose(FACTS, again) is second


def test_pinnedToAWorkerWaitsForIt() -> None:
    """
    Nobody else serves.
    """
    policy = parsePolicy("pinned:worker=2")()
    one, two, three = idleWorkers(3)
    assert policy.choose(FACTS, [one, two, three]) is two
    assert policy.choose(FACTS, [one, three]) is None
