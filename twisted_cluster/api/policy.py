"""
What C{cluster.schedulingPolicy} may be.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from twisted_cluster.errors import PolicyArgumentError
from twisted_cluster.interfaces import ISchedulingPolicy
from twisted_cluster.plugins import parsePolicy

VARIABLE = "TWISTED_CLUSTER_SCHED_POLICY"
SHORT = {"rr": "round-robin"}


def policyMaker(wanted: Any) -> Callable[[], ISchedulingPolicy | None]:
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
            return wanted  # type: ignore[no-any-return]
    raise PolicyArgumentError(
        f"schedulingPolicy {wanted!r:.80}: give SCHED_RR, SCHED_NONE, what --policy "
        "takes, or what returns an ISchedulingPolicy when called"
    )


def fromEnvironment() -> str:
    """
    @return: What the environment says, or round robin.
    @raise PolicyArgumentError: If that is no policy.
    """
    text = os.environ.get(VARIABLE, "round-robin")
    text = SHORT.get(text, text)
    try:
        parsePolicy(text)
    except PolicyArgumentError as error:
        raise PolicyArgumentError(f"{VARIABLE}={text}: {error}") from None
    return text
