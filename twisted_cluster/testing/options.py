"""
What the simulator's command line says, as a scenario.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterable
from typing import TypeVar

from twisted_cluster.interfaces import ISchedulingPolicy
from twisted_cluster.plugins import checkGroups, parsePolicy
from twisted_cluster.shares import parseGroups, parseWeights
from twisted_cluster.testing.distributions import parseArrivals, parseTimes
from twisted_cluster.testing.scenario import Block, Scenario

Value = TypeVar("Value")


def scenarioOf(given: Namespace) -> Scenario:
    """
    @raise ConfigError: If there are no such workers, groups or weights.
    @raise ValueError: If something else cannot be.
    """
    if given.workers < 1:
        raise ValueError(f"--workers {given.workers}: give a number, 1 or more")
    return Scenario(
        arrivals=parseArrivals(given.arrivals),
        service=parseTimes(given.service),
        hold=parseTimes(given.hold),
        workers=given.workers,
        connections=given.connections,
        weights=parseWeights(given.weights, given.workers),
        groups=parseGroups(given.group, given.workers),
        slow=_perWorker(given.slow, "FACTOR", float),
        blocks=_perWorker(given.block, "EVERY/LASTING", _block),
        staleness=given.staleness,
        rescue=not given.no_rescue,
        clients=given.clients,
        seed=given.seed,
    )


def policyOf(text: str, scenario: Scenario) -> ISchedulingPolicy:
    """
    @raise PolicyArgumentError: If there is no such policy, or it does not take that, or
        it needs a group that there is not.
    @raise ValueError: If it cannot be simulated.
    """
    policy = parsePolicy(text)()
    if policy is None:
        raise ValueError(f"policy {text}: the kernel chooses; that is not simulated")
    checkGroups(policy, scenario.groups.values())
    return policy


def _perWorker(
    texts: Iterable[str], what: str, read: Callable[[str], Value]
) -> dict[int, Value]:
    """
    @param texts: Each C{NUMBER=VALUE}.
    @param what: What can be written.
    """
    found = {}
    for text in texts:
        number, _, value = text.partition("=")
        try:
            found[int(number)] = read(value)
        except ValueError as error:
            why = error.args[0]
            raise ValueError(f"{text!r} is not WORKER={what}: {why}") from None
    return found


def _block(text: str) -> Block:
    every, _, lasting = text.partition("/")
    return Block(float(every), float(lasting))
