"""
What the simulator does, besides what theory knows.
"""

from __future__ import annotations

import pytest
from attrs import define
from zope.interface import implementer
from zope.interface.verify import verifyObject

from tests.testing.simulating import Choosing, Ready, outcome, scenario
from twisted_cluster import (
    ConnectionFacts,
    ILookingPolicy,
    ILoyalPolicy,
    ISchedulingPolicy,
    IWorkerLoad,
    Look,
)
from twisted_cluster.testing import Block, httpHead, simulatePolicy, tableOf
from twisted_cluster.testing.distributions import (
    Arrivals,
    bursts,
    closed,
    constant,
    exponential,
    poisson,
    regular,
)


def firstOf(connection: ConnectionFacts, ready: Ready) -> IWorkerLoad:
    """
    Always the first.
    """
    return ready[0]


def test_oneSeedOneStory() -> None:
    """
    The same seed gives the same outcome, another one another.
    """
    first, again = (outcome("round-robin", connections=2000) for _ in range(2))
    assert first == again
    assert outcome("round-robin", connections=2000, seed=2) != first


@pytest.mark.parametrize("arrivals", [regular(0.01), closed(1, 200.0)])
def test_whoComesSeldomIsWaitedFor(arrivals: Arrivals) -> None:
    """
    A minute in which nobody waits is not the end.
    """
    found = outcome("round-robin", arrivals=arrivals, connections=3)
    assert (sum(found.counts), found.unserved) == (3, 0)


def test_allPoliciesGetTheSame() -> None:
    """
    Connections do not depend on who serves them.
    """
    seen: dict[str, list[object]] = {"one": [], "other": []}

    def noting(name: str, index: int) -> Choosing:
        def choose(connection: ConnectionFacts, ready: Ready) -> IWorkerLoad:
            seen[name].append(connection.peer)
            return ready[index]

        return Choosing(choose)

    for name, index in (("one", 0), ("other", -1)):
        outcome(noting(name, index), connections=1000, rescue=False, window=1000)
    assert seen["one"] == seen["other"]
    assert len(set(map(str, seen["one"]))) > 500


def test_policiesSeeWorkers() -> None:
    """
    With everything that a worker has to show.
    """
    seen: list[IWorkerLoad] = []

    def look(connection: ConnectionFacts, ready: Ready) -> IWorkerLoad:
        seen.extend(ready)
        return ready[0]

    got = outcome(
        Choosing(look),
        connections=1500,
        weights={1: 3},
        groups={1: "api"},
        arrivals=poisson(100),
        service=constant(0.005),
    )
    worker = seen[0]
    verifyObject(IWorkerLoad, worker)
    assert (worker.weight, worker.group, worker.id) == (3, "api", 1)
    assert (seen[1].weight, seen[1].group, seen[1].id) == (1, "", 2)
    assert worker.cpu == pytest.approx(0.5, abs=0.15)
    assert worker.age == pytest.approx(15, rel=0.2)
    assert got.counts == [1500, 0, 0, 0]


@implementer(ISchedulingPolicy)
@define
class Noting:
    """
    Chooses the first, and notes what it has.

    @ivar seen: Pairs of what is active and what is queued.
    """

    seen: list[tuple[int, int]]

    def choose(self, connection: ConnectionFacts, ready: Ready) -> IWorkerLoad:
        self.seen.append((ready[0].active, ready[0].queued))
        return ready[0]


def test_countsAreOfNow() -> None:
    """
    A connection is queued until the loop turns, active until it has ended.
    """
    seen: list[tuple[int, int]] = []
    # They come at 1, 2, 3 ...; each keeps the loop busy for 1.4, and stays for 0.9.
    outcome(
        Noting(seen),
        arrivals=regular(1),
        service=constant(1.4),
        hold=constant(0.9),
        connections=6,
        workers=1,
        rescue=False,
    )
    assert seen == [(0, 0), (1, 0), (2, 0), (2, 0), (1, 1), (3, 0)]


def test_oldCountsAreSeenLate() -> None:
    """
    What a worker says of itself may be old; what was handed to it is known at once.
    """
    seen: list[tuple[int, int]] = []
    outcome(
        Noting(seen),
        arrivals=regular(1),
        service=constant(0.1),
        connections=6,
        workers=1,
        staleness=2.6,
    )
    assert seen == [(0, 0), (0, 1), (0, 0), (0, 1), (0, 2), (0, 0)]


def test_oldNewsMislead() -> None:
    """
    Fewest connections, as of long ago, are a worse guide than fewest now.
    """
    usual = {"service": exponential(0.0035), "connections": 50_000, "rescue": False}
    fresh = outcome("least-connections", **usual)
    stale = outcome("least-connections", staleness=0.1, **usual)
    assert stale.mean > 1.2 * fresh.mean


def test_inASequenceNobodyWaits() -> None:
    """
    One client that comes again and again is served at once.
    """
    got = outcome(
        "round-robin", arrivals=closed(1), service=constant(0.25), connections=8
    )
    assert got.latencies == [0.25] * 8
    assert got.counts == [2, 2, 2, 2]
    assert got.maxQueue == 1


def test_burstsAreSpread() -> None:
    """
    Four at once are one for each of four workers, and a queue for one.
    """
    burst = {"arrivals": bursts(4, 4), "service": constant(0.125), "connections": 40}
    assert outcome("round-robin", **burst).latencies == [0.125] * 40
    alone = outcome("round-robin", workers=1, **burst)
    assert alone.latencies == [t / 8 for t in (1, 2, 3, 4) for _ in range(10)]
    assert alone.maxQueue == 3


def test_slowWorkersAreSlow() -> None:
    """
    They take longer for the same.
    """
    got = outcome(
        "round-robin",
        arrivals=regular(1),
        service=constant(0.25),
        slow={2: 2.0},
        connections=8,
    )
    assert got.latencies == [0.25] * 6 + [0.5] * 2
    assert scenario(slow={2: 2.0}).load == pytest.approx(2 / 3.5)


def test_blockedWorkersArePassedOver() -> None:
    """
    What they have not taken is given to others; without that it waits.
    """
    blocked = {"blocks": {1: Block(2.0, 0.5)}, "arrivals": poisson(300)}
    helped = outcome("round-robin", **blocked)
    left = outcome("round-robin", rescue=False, **blocked)
    free = outcome("round-robin", arrivals=poisson(300))
    assert helped.percentile(99) < 1.2 * free.percentile(99)
    assert left.percentile(99) > 0.2
    assert helped.counts[0] < 0.8 * helped.counts[1]


@implementer(ILoyalPolicy)
class Loyal(Choosing):
    """
    A policy whose clients stay.
    """


def test_loyalConnectionsStay() -> None:
    """
    The blocked worker's clients wait for it.
    """
    least = []

    def first(connection: ConnectionFacts, ready: Ready) -> IWorkerLoad:
        least.append(len(ready))
        return ready[0]

    got = outcome(Loyal(first), blocks={1: Block(2.0, 0.5)}, arrivals=poisson(100))
    assert got.counts == [20_000, 0, 0, 0]
    assert min(least) == 4
    assert got.percentile(99) > 0.2


def test_evenLoyalConnectionsHaveALimit() -> None:
    """
    Who has very many that it has not taken gets no more; another one serves.
    """
    got = outcome(Loyal(firstOf), arrivals=bursts(100, 400), connections=400)
    assert got.counts == [257, 143, 0, 0]


def test_windowIsKept() -> None:
    """
    Nobody is given more than so many that it has not taken.
    """
    most = []

    def first(connection: ConnectionFacts, ready: Ready) -> IWorkerLoad:
        most.append(max(worker.queued for worker in ready))
        return ready[0]

    got = outcome(Choosing(first), arrivals=bursts(300, 100), window=5, connections=600)
    assert max(most) == 4
    assert all(got.counts)
    assert got.unserved == 0


def test_nobodyWaitsForEver() -> None:
    """
    Who can be served by nobody is counted, and the end comes.
    """
    got = outcome(Choosing(lambda connection, ready: None), connections=2000)
    assert (got.unserved, got.counts) == (2000, [0, 0, 0, 0])
    assert got.variation == got.mean == got.percentile(50) == 0
    assert "2000 connections were never served" in tableOf([got])


def test_strangersAreNotServedBy() -> None:
    """
    A policy that chooses somebody else is told so.
    """
    policy = Choosing(lambda connection, ready: object())  # type: ignore[arg-type,return-value]
    with pytest.raises(ValueError, match="not among the ready"):
        simulatePolicy(scenario(), policy)


@implementer(ILookingPolicy)
class Looking(Choosing):
    """
    A policy that looks.
    """

    look: Look | None = Look(limit=20)

    def enough(self, first: bytes) -> bool:
        return True


def test_firstBytesAreForWhoLooks() -> None:
    """
    As many as asked for.
    """
    seen: dict[bytes, None] = {}

    def noting(connection: ConnectionFacts, ready: Ready) -> IWorkerLoad:
        seen[connection.first] = None
        return ready[0]

    outcome(Choosing(noting), connections=10)
    blind = Looking(noting)
    blind.look = None
    outcome(blind, connections=10)
    assert list(seen) == [b""]
    outcome(Looking(noting), connections=10, clients=1)
    assert list(seen)[1:] == [httpHead("/?sid=0")[:20]]


def test_balanceIsPerWeight() -> None:
    """
    Who is to have three times as much, and has it, is in balance.
    """
    order = iter([1, 1, 1, 2] * 25)
    policy = Choosing(lambda connection, ready: ready[next(order) - 1])
    got = outcome(policy, connections=100, workers=2, weights={1: 3})
    assert got.shares == [0.75, 0.25]
    assert got.variation == 0
    assert outcome(Choosing(firstOf), connections=9, workers=2).variation == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"workers": 0},
        {"connections": 0},
        {"weights": {5: 1}},
        {"slow": {5: 1.0}},
        {"slow": {1: 0.0}},
        {"blocks": {0: Block(1.0, 1.0)}},
        {"groups": {7: "api"}},
        {"staleness": -1.0},
        {"window": 0},
        {"clients": 0},
    ],
    ids=str,
)
def test_scenariosMakeSense(wrong: dict[str, object]) -> None:
    """
    What cannot be is refused.
    """
    with pytest.raises(ValueError, match=r"must be|no worker"):
        scenario(**wrong)
