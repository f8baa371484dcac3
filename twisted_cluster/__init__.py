"""
Run any Twisted server on every core: C{twistd cluster --app=mod.factory}.

C{cluster} is Node's API for scripts; see L{twisted_cluster.api.base.Cluster}.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted_cluster.errors import ClusterError, StartError
from twisted_cluster.events import ConnectionFacts, ListenerFacts, Look
from twisted_cluster.interfaces import (
    IFarewellPolicy,
    IGroupingPolicy,
    ILookingPolicy,
    ILoyalPolicy,
    IPolicyMaker,
    ISchedulingPolicy,
    IWorkerLoad,
)
from twisted_cluster.policies import PolicyMaker

if TYPE_CHECKING:
    from twisted_cluster.api.base import Cluster

    cluster: Cluster

__all__ = [
    "ClusterError",
    "ConnectionFacts",
    "IFarewellPolicy",
    "IGroupingPolicy",
    "ILookingPolicy",
    "ILoyalPolicy",
    "IPolicyMaker",
    "ISchedulingPolicy",
    "IWorkerLoad",
    "ListenerFacts",
    "Look",
    "PolicyMaker",
    "StartError",
    "cluster",
]


def __getattr__(name: str) -> Any:
    # Made when it is first asked for: the command has no need of it.
    if name != "cluster":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from twisted_cluster.api import thisCluster

    globals()["cluster"] = made = thisCluster()
    return made
