"""
What the simulator's command line says, as a scenario.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterable
from typing import TypeVar

from twisted_cluster.interfaces import IGroupingPolicy, ISchedulingPolicy
from twisted_cluster.plugins import parsePolicy
from twisted_cluster.testing.distributions import parseArrivals, parseTimes
from twisted_cluster.testing.scenario import Block, Scenario

Value = TypeVar("Value")


def scenarioOf(given: Namespace) -> Scenario:
    """
    @raise ValueError: If something cannot be.
    """
    return Scenario(
        arrivals=parseArrivals(given.arrivals),
        service=parseTimes(given.service),
        hold=parseTimes(given.hold),
        workers=given.workers,
        connections=given.connections,
        weights=_weights(given.weights),
        groups={n: name for text in given.group for n, name in _members(text)},
        slow=_perWorker(given.slow, float),
        blocks=_perWorker(given.block, _block),
        staleness=given.staleness,
        clients=given.clients,
        seed=given.seed,
    )


def policyOf(text: str, scenario: Scenario) -> ISchedulingPolicy:
    """
    @raise PolicyArgumentError: If there is no such policy, or it does not take that.
    @raise ValueError: If it cannot be simulated.
    """
    policy = parsePolicy(text)()
    if policy is None:
        raise ValueError(f"policy {text}: the kernel chooses; that is not simulated")
    if IGroupingPolicy.providedBy(policy):
        for name in policy.groups:
            if name not in scenario.groups.values():
                raise ValueError(f"policy {text}: group {name!r} has no worker: --group")
    return policy


def _weights(text: str) -> tuple[int, ...]:
    try:
        return tuple(map(int, text.split(","))) if text else ()
    except ValueError:
        raise ValueError(f"weights {text!r} are not whole numbers: 3,1,1") from None


def _members(text: str) -> Iterable[tuple[int, str]]:
    """
    @param text: C{NAME=1-2,5}.
    @return: Pairs of number and name.
    """
    name, _, slots = text.partition("=")
    try:
        for part in slots.split(","):
            low, _, high = part.partition("-")
            for number in range(int(low), int(high or low) + 1):
                yield number, name
    except ValueError:
        raise ValueError(f"group {text!r} is not NAME=1-2,5") from None


def _perWorker(texts: Iterable[str], read: Callable[[str], Value]) -> dict[int, Value]:
    """
    @param texts: Each C{NUMBER=VALUE}.
    """
    found = {}
    for text in texts:
        number, _, value = text.partition("=")
        try:
            found[int(number)] = read(value)
        except ValueError as error:
            raise ValueError(f"{text!r} is not WORKER=VALUE: {error}") from None
    return found


def _block(text: str) -> Block:
    every, _, lasting = text.partition("/")
    return Block(float(every), float(lasting))
