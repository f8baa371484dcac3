"""
Finds policies with C{twisted.plugin.getPlugins}.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from twisted.application.reactors import getReactorTypes
from twisted.plugin import getPlugins

from twisted_cluster.errors import PolicyArgumentError
from twisted_cluster.interfaces import (
    IGroupingPolicy,
    IPolicyMaker,
    ISchedulingPolicy,
)
from twisted_cluster.policies.pinned import Pinned


def findPolicies() -> dict[str, IPolicyMaker]:
    """
    @return: Every policy that is installed, by name.
    """
    return {maker.name: maker for maker in getPlugins(IPolicyMaker)}


def findReactors() -> list[str]:
    """
    @return: The short names of the reactors that a worker can run on.
    """
    return sorted({kind.shortName for kind in getReactorTypes()} - {"cluster"})


def parsePolicy(text: str) -> Callable[[], ISchedulingPolicy | None]:
    """
    @param text: C{NAME}, or C{NAME:key=value,key=value}.
    @return: Makes one listener's policy.
    @raise PolicyArgumentError: If there is no such policy, or it does not take that.
    """
    name, _, rest = text.partition(":")
    known = findPolicies()
    if name not in known:
        raise PolicyArgumentError(
            f"there is no policy {name!r}; there are: {', '.join(sorted(known))}"
        )
    arguments = {}
    for part in filter(None, rest.split(",")):
        key, equals, value = part.partition("=")
        if not equals or not key:
            raise PolicyArgumentError(f"policy {name}: {part!r} is not key=value")
        if key in arguments:
            raise PolicyArgumentError(f"policy {name}: {key} is given twice")
        arguments[key] = value
    maker = known[name]
    maker.makePolicy(arguments)
    return lambda: maker.makePolicy(arguments)


def checkGroups(policy: ISchedulingPolicy | None, known: Collection[str]) -> None:
    """
    @param known: The groups that there are.
    @raise PolicyArgumentError: If the policy needs another.
    """
    if IGroupingPolicy.providedBy(policy):
        grouping: Any = policy
        for group in sorted(grouping.groups):
            if group not in known:
                there = ", ".join(sorted(set(known))) or "none"
                raise PolicyArgumentError(
                    f"no worker is in group {group!r}; groups by --group: {there}"
                )


def checkPins(policy: ISchedulingPolicy | None, workers: int) -> None:
    """
    @raise PolicyArgumentError: If the policy wants a worker that there will not be.
    """
    if isinstance(policy, Pinned) and policy.worker is not None:
        if policy.worker > workers:
            raise PolicyArgumentError(
                f"there is no worker {policy.worker}: there are {workers}"
            )
