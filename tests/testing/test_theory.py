"""
The simulator against what queueing theory knows: times in multiples of a service time
of 1, so that rates are loads. Seeds are fixed; the tolerances are some three standard
deviations of what other seeds give.

@see: Kleinrock, Queueing Systems, volume 1; Mitzenmacher, The Power of Two Choices in
    Randomized Load Balancing.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, factorial, log
from random import Random

import pytest

from tests.testing.simulating import PLAIN, Choosing, outcome
from twisted_cluster import ConnectionFacts, IWorkerLoad
from twisted_cluster.testing import Outcome
from twisted_cluster.testing.distributions import (
    Distribution,
    constant,
    exponential,
    mixed,
    pareto,
    poisson,
    regular,
)

MANY = 100_000
ONE = exponential(1.0)
LOAD = 0.7


def run(policy: str | Choosing, service: Distribution = ONE, workers: int = 4) -> Outcome:
    """
    Workers that are busy for seven tenths of the time.
    """
    return outcome(
        policy,
        arrivals=poisson(LOAD * workers / service.mean),
        service=service,
        workers=workers,
        connections=MANY,
        **PLAIN,
    )


def meanWait(load: float, service: Distribution, square: float) -> float:
    """
    In M/G/1, by Pollaczek and Khinchine.

    @param square: The mean of the squares of service times.
    """
    return load * square / (2 * service.mean * (1 - load))


@pytest.mark.parametrize(
    ("service", "square"),
    [(ONE, 2.0), (constant(1.0), 1.0), (mixed(0.5, 5.5, 0.1), 0.9 * 0.25 + 0.1 * 30.25)],
    ids=["M/M/1", "M/D/1", "M/G/1"],
)
def test_splitAtRandomEachIsAQueueOfItsOwn(service: Distribution, square: float) -> None:
    """
    What is split at random is Poisson again.
    """
    got = run("random:seed=1", service)
    expected = service.mean + meanWait(LOAD, service, square)
    assert got.mean == pytest.approx(expected, rel=0.05)


def test_oneWorkerMakesAllPoliciesAlike() -> None:
    """
    M/M/1, whose times are exponential too.
    """
    one, other = run("round-robin", workers=1), run("least-connections", workers=1)
    assert one.latencies == other.latencies
    mean = 1 / (1 - LOAD)
    assert one.mean == pytest.approx(mean, rel=0.05)
    assert one.percentile(50) == pytest.approx(mean * log(2), rel=0.05)
    assert one.percentile(99) == pytest.approx(mean * log(100), rel=0.1)


def test_queueIsRateTimesWait() -> None:
    """
    Little's law; and in M/M/1 it is L{LOAD}^2/(1 - L{LOAD}).
    """
    got = run("random:seed=1")
    assert got.meanQueue == pytest.approx(4 * LOAD**2 / (1 - LOAD), rel=0.06)
    assert got.meanQueue == pytest.approx(4 * LOAD * (got.mean - 1), rel=0.02)


def test_inTurnArrivalsAreErlang() -> None:
    """
    E4/M/1: the mean time is 1/(1 - s), where s is the root of s = A(1 - s), and A the
    transform of the time between arrivals.
    """
    share = 0.0
    for _ in range(200):
        share = (4 * LOAD / (4 * LOAD + 1 - share)) ** 4
    assert run("round-robin").mean == pytest.approx(1 / (1 - share), rel=0.03)


def test_regularArrivalsWaitLeast() -> None:
    """
    D/M/1: the same, where A(x) = exp(-x/LOAD).
    """
    share = 0.0
    for _ in range(200):
        share = exp(-(1 - share) / LOAD)
    got = outcome(
        "round-robin",
        arrivals=regular(LOAD),
        service=ONE,
        workers=1,
        connections=MANY,
        **PLAIN,
    )
    assert got.mean == pytest.approx(1 / (1 - share), rel=0.03)


def test_whoWaitsForAnIdleWorkerIsInOneQueue() -> None:
    """
    M/M/4, by Erlang's formula C: the policy lets connections wait while all are busy.
    """

    def idle(
        connection: ConnectionFacts, ready: Sequence[IWorkerLoad]
    ) -> IWorkerLoad | None:
        return next((w for w in ready if not w.active + w.queued), None)

    offered = 4 * LOAD
    last = offered**4 / factorial(4) / (1 - LOAD)
    waiting = last / (sum(offered**n / factorial(n) for n in range(4)) + last)
    central = run(Choosing(idle))
    assert central.mean == pytest.approx(1 + waiting / (4 * (1 - LOAD)), rel=0.02)
    assert central.mean < run("least-connections").mean < run("round-robin").mean


def twoChoices(connection: ConnectionFacts, ready: Sequence[IWorkerLoad]) -> IWorkerLoad:
    """
    The less busy one of two.
    """
    return min(CHANCE.sample(ready, 2), key=lambda worker: worker.active + worker.queued)


CHANCE = Random(1)


def test_twoChoicesAreFarBetterThanOne() -> None:
    """
    Power of two: with many workers the mean time is the sum of LOAD^(2^i - 2).
    """
    one, two = run("random:seed=1", workers=50), run(Choosing(twoChoices), workers=50)
    expected = sum(LOAD ** (2**i - 2) for i in range(1, 9))
    assert two.mean == pytest.approx(expected, rel=0.03)
    assert two.mean < 0.5 * one.mean
    assert two.maxQueue < 0.5 * one.maxQueue


def test_leastConnectionsHelpsAgainstHeavyTails() -> None:
    """
    Whoever is behind a long one is not given more.
    """
    service = pareto(1.0, 1.5)
    turns, least = run("round-robin", service), run("least-connections", service)
    assert least.mean < 0.5 * turns.mean
    assert least.percentile(99) < 0.5 * turns.percentile(99)
