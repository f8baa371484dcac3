"""
What C{cluster.schedulingPolicy} is at first.
"""

from __future__ import annotations

import os

from twisted_cluster.errors import PolicyArgumentError
from twisted_cluster.plugins import parsePolicy

VARIABLE = "TWISTED_CLUSTER_SCHED_POLICY"
SHORT = {"rr": "round-robin"}


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
