"""
Finds policies with C{twisted.plugin.getPlugins}.
"""

from __future__ import annotations

import select
from collections.abc import Collection, Iterable
from importlib.util import find_spec

from twisted.application.reactors import getReactorTypes
from twisted.application.service import IServiceMaker
from twisted.plugin import getPlugins

from twisted_cluster.errors import PolicyArgumentError
from twisted_cluster.events import HANDOFF, KERNEL, WAIT, Dispatch, Limits
from twisted_cluster.interfaces import (
    IGroupingPolicy,
    IPolicyMaker,
    ISchedulingPolicy,
    NewPolicy,
)
from twisted_cluster.policies.least_connections import LeastConnections
from twisted_cluster.policies.least_lag import LeastLag
from twisted_cluster.policies.pinned import Pinned
from twisted_cluster.policies.power_of_two import PowerOfTwo
from twisted_cluster.policies.random_choice import RandomChoice
from twisted_cluster.policies.round_robin import RoundRobin
from twisted_cluster.policies.sticky import Sticky
from twisted_cluster.policies.weighted import Weighted

# Those that look neither at weights nor at groups; those that look at weights only.
_PLAIN = (LeastLag, Pinned, PowerOfTwo, RandomChoice, RoundRobin)
_WEIGHING = (LeastConnections, Sticky, Weighted)

_EPOLLING = ("epoll", "epoll-stock", "lean")
# What Twisted's own reactors cannot do without.
_NEEDS = {
    "cf": "CFNetwork",
    "gi": "gi",
    "glib2": "gobject",
    "gtk2": "gobject",
    "gtk3": "gi",
    "iocp": "_winapi",
    "win32": "_winapi",
    "wx": "wx",
}


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


def usableReactors() -> list[str]:
    """
    @return: Those of them that are made for a system, and for libraries, as there are
        here.
    """
    needed = dict.fromkeys(_EPOLLING, hasattr(select, "epoll"))
    needed["kqueue"] = hasattr(select, "kqueue")
    needed |= {name: _isThere(module) for name, module in _NEEDS.items()}
    return [name for name in findReactors() if needed.get(name, True)]


def _isThere(module: str) -> bool:
    return find_spec(module) is not None


def findCommands() -> list[str]:
    """
    @return: The plugins of twistd that a worker can run.
    """
    return sorted({maker.tapname for maker in getPlugins(IServiceMaker)} - {"cluster"})


def policyMaker(wanted: object) -> NewPolicy:
    """
    @param wanted: What C{--policy} takes, or what makes a policy.
    @return: Makes one listener's policy.
    @raise PolicyArgumentError: If it is neither.
    """
    if isinstance(wanted, str):
        return parsePolicy(wanted)
    if callable(wanted):
        made = wanted()
        if made is None or ISchedulingPolicy.providedBy(made):
            return wanted
    raise PolicyArgumentError(
        f"{wanted!r:.80} makes no policy: give what --policy takes, or what returns an "
        "ISchedulingPolicy when called"
    )


def parsePolicy(text: str) -> NewPolicy:
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
        for group in sorted(policy.groups):
            if group not in known:
                there = ", ".join(sorted(set(known))) or "none"
                raise PolicyArgumentError(
                    f"no worker is in group {group!r}; groups: {there}"
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


def checkLimits(policy: ISchedulingPolicy | None, limits: Limits) -> None:
    """
    @raise PolicyArgumentError: If nobody would keep to the limits.
    """
    if policy is None and limits.any:
        raise PolicyArgumentError(
            "it lets the kernel choose, which knows no limits: give no number of "
            "connections, or another policy"
        )


def unheeded(
    policy: ISchedulingPolicy | None,
    weights: Iterable[int],
    groups: Collection[str],
    limits: Limits,
    dispatch: Dispatch,
) -> list[str]:
    """
    @param weights: Of the workers that were given one.
    @param groups: The groups that there are.
    @return: Of what was said of workers, what nobody will look at: each in a line. What
        policies of others look at is not known.
    """
    said = []
    if isinstance(policy, (*_PLAIN, type(None))) and set(weights) - {1}:
        said.append("--weights: this policy does not look at them; weighted does")
    if isinstance(policy, (*_PLAIN, *_WEIGHING, type(None))) and groups:
        said.append("--group: this policy does not look at groups; route does")
    if limits.atLimit != WAIT and not limits.any:
        said.append(
            f"--at-limit {limits.atLimit}: there is no limit; --max-connections, or "
            "--max-per-address, would be one"
        )
    if policy is None:
        said += [
            f"--dispatch {mode}: with the policy none it is as with shared"
            for mode in sorted(dispatch.all & {KERNEL, HANDOFF})
        ]
    return said
