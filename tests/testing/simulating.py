"""
Scenarios, and policies to put into them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from attrs import define
from zope.interface import implementer

from twisted_cluster import ConnectionFacts, ISchedulingPolicy, IWorkerLoad
from twisted_cluster.plugins import parsePolicy
from twisted_cluster.testing import Outcome, Scenario, simulatePolicy
from twisted_cluster.testing.distributions import exponential, poisson

Ready = Sequence[IWorkerLoad]
# Nothing but queues: what the textbooks compute.
PLAIN = {"window": 10**9, "rescue": False}


@implementer(ISchedulingPolicy)
@define
class Choosing:
    """
    A policy that is given how to choose.
    """

    choice: Callable[[ConnectionFacts, Ready], IWorkerLoad | None]

    def choose(self, connection: ConnectionFacts, ready: Ready) -> IWorkerLoad | None:
        return self.choice(connection, ready)


def scenario(**changes: Any) -> Scenario:
    """
    Four workers that are busy half of the time.
    """
    usual: dict[str, Any] = {"arrivals": poisson(1000), "service": exponential(0.002)}
    return Scenario(**{**usual, **changes})


def outcome(policy: str | ISchedulingPolicy, **changes: Any) -> Outcome:
    """
    @param policy: One, or how C{--policy} calls it.
    """
    made = parsePolicy(policy)() if isinstance(policy, str) else policy
    assert made is not None
    return simulatePolicy(scenario(**changes), made)
