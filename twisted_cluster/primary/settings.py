"""
What can be said of a cluster, and what of it is accepted.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TypedDict

from twisted_cluster.admin.spec import ControlSpec
from twisted_cluster.controlpath import NONE, whyNot
from twisted_cluster.core.log_text import LEVELS
from twisted_cluster.core.rules import Rules
from twisted_cluster.core.scaling import Span
from twisted_cluster.core.words import several
from twisted_cluster.errors import ConfigError, PolicyArgumentError
from twisted_cluster.events import Limits
from twisted_cluster.interfaces import NewPolicy
from twisted_cluster.plugins import (
    checkGroups,
    checkLimits,
    checkPins,
    findReactors,
    policyMaker,
    usableReactors,
)
from twisted_cluster.wire.libc import NOT_HERE
from twisted_cluster.wire.privileges import canRenounce


class Settings(TypedDict, total=False):
    """
    What can be said of a cluster, whatever it runs; each as the option of the command.

    C{listen}: endpoint descriptions. C{workers}: how many, C{"auto"}, or a range
    in which the load decides: C{"2-8"}. C{policy}: text,
    or what makes an L{ISchedulingPolicy} when called, once for each listener.
    C{dispatch}: C{"handoff"}, or C{["kernel", "tcp:8080=handoff"]}. C{weights}:
    C{"3,1"}, or C{[3, 1]}. C{group}: C{["api=1-2"]}. C{maxConnections}: C{100}, or
    C{[100, "tcp:8080=500"]}. C{maxPerAddress}, C{atLimit}, C{backlog}. C{reactor}: as
    this process unless it is given. In seconds: C{drainTimeout}, C{startTimeout}.
    C{logLevel}: the least that workers log, such as C{"info"}. C{control}: the path of
    the control socket, or C{"none"}.
    """

    listen: str | Sequence[str]
    workers: int | str
    policy: str | NewPolicy
    dispatch: str | Sequence[str]
    weights: str | Sequence[int]
    group: str | Sequence[str]
    maxConnections: int | str | Sequence[int | str]
    maxPerAddress: int | str
    atLimit: str
    reactor: str | None
    backlog: int | str
    logLevel: str
    control: str
    drainTimeout: float | str
    stopTimeout: float | str
    stopDelay: float | str
    startTimeout: float | str
    hangWarning: float | str
    hangTimeout: float | str
    minReady: int | str
    giveUpAfter: int | str
    reloadStep: int | str
    reloadTrial: float | str
    followSymlink: bool
    maxAge: float | str
    maxServed: int | str
    maxRss: int | str
    mailLimit: int | str
    noNewPrivileges: bool
    logRate: float | str
    onHup: str
    warm: str


def texts(name: str, given: int | str | Iterable[int | str]) -> list[str]:
    """
    One, or several, as texts.

    @raise ConfigError: If it is neither.
    """
    if isinstance(given, (int, str)):
        return [str(given)]
    if isinstance(given, (bytes, Mapping)) or not isinstance(given, Iterable):
        raise ConfigError(name, given, "give one, or several in a list")
    return [str(each) for each in given]


def checkRules(rules: Rules, span: Span) -> None:
    """
    @param span: How many workers there may be.
    @raise ConfigError: If they are not for so many, or not for this system.
    """
    if rules.minReady > span.least:
        why = f"there may be only {several(span.least, 'worker')}"
        raise ConfigError("minReady", rules.minReady, why)
    if rules.noNewPrivileges and not canRenounce():
        raise ConfigError("noNewPrivileges", True, NOT_HERE)


def controlAt(given: str) -> ControlSpec | None:
    """
    @param given: A path, C{""} for the one that there is without one, or C{"none"}.
    @raise ConfigError: If no socket can be there.
    """
    if given == NONE:
        return None
    path = os.path.abspath(given) if given else ""
    why = whyNot(path)
    if why is not None:
        raise ConfigError("control", given, why)
    return ControlSpec(path)


def checkReactor(name: str) -> None:
    """
    @raise ConfigError: If there is none of that name.
    """
    if name not in findReactors():
        why = f"there is no such reactor; there are: {', '.join(usableReactors())}"
        raise ConfigError("reactor", name, why)


def checkedLevel(name: str) -> str:
    """
    @raise ConfigError: If it is no level of the log.
    """
    if name not in LEVELS:
        raise ConfigError("logLevel", name, f"give one of {', '.join(LEVELS)}")
    return name


def checkedPolicy(
    wanted: str | NewPolicy, workers: int, groups: Mapping[int, str], limits: Limits
) -> NewPolicy:
    """
    @raise ConfigError: If it is no policy, or none for such workers.
    """
    try:
        newPolicy = policyMaker(wanted)
        policy = newPolicy()
        checkGroups(policy, groups.values())
        checkPins(policy, workers)
        checkLimits(policy, limits)
    except PolicyArgumentError as error:
        raise ConfigError("policy", wanted, str(error)) from None
    return newPolicy
