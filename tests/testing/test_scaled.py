"""
As many workers as the load asks for do not swing.
"""

from __future__ import annotations

import pytest

from tests.process.cluster import ROOT
from tests.testing.scaling_rows import ROWS, SPAN, lineOf
from twisted_cluster.core.scaling import Span
from twisted_cluster.policies.round_robin import RoundRobin
from twisted_cluster.testing.distributions import changing, exponential, poisson
from twisted_cluster.testing.scaled import Growth, simulateScaling
from twisted_cluster.testing.scenario import Scenario

PAGE = ROOT / "docs/lives.md"


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", ROWS)
def test_noLoadMakesItSwing(name: str) -> None:
    """
    It turns no more often than the load does, everybody is served, and the table of the
    docs says what comes of it.
    """
    row = ROWS[name]
    growth = row.grow()
    assert growth.turns <= row.turns
    assert growth.outcome.unserved == 0
    assert SPAN.least <= min(count for _, count in growth.course)
    assert max(count for _, count in growth.course) <= SPAN.most
    assert lineOf(name, row, growth) in PAGE.read_text().splitlines()


def test_aStepIsFollowed() -> None:
    """
    Up within seconds, and down in minutes; then it stays.
    """
    scenario = Scenario(
        arrivals=changing(60, lambda now: 60.0 if 60 <= now < 180 else 6.0),
        service=exponential(0.05),
        connections=10_000,
    )
    growth = simulateScaling(scenario, RoundRobin(), Span(1, 6))
    assert growth.countAt(59) == 1
    assert growth.countAt(80) >= 3
    assert growth.turns == 1
    assert growth.countAt(growth.seconds) <= 2


def test_steadyLoadIsLeftAlone() -> None:
    """
    Once there are enough.
    """
    scenario = Scenario(
        arrivals=poisson(40), service=exponential(0.05), connections=16_000
    )
    growth = simulateScaling(scenario, RoundRobin(), Span(2, 8))
    assert growth.turns == 0
    assert growth.changes <= 3


def test_whatTheWorkersThatEndHaveNotTakenOthersServe() -> None:
    """
    Nobody is left behind, however often workers end.
    """
    growth = _restless()
    assert growth.outcome.unserved == 0
    assert sum(growth.outcome.counts) == 6_000


def _restless() -> Growth:
    scenario = Scenario(
        arrivals=changing(200, lambda now: 200.0 if now % 100 < 20 else 1.0),
        service=exponential(0.01),
        connections=6_000,
    )
    return simulateScaling(scenario, RoundRobin(), Span(1, 4), starting=2.0)
