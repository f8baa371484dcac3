"""
Run any Twisted server on every core: C{twistd cluster --app=mod.factory}.

C{cluster} is Node's API for scripts; see L{twisted_cluster.api.base.Cluster}.
C{ClusterService} is the command's primary as a service, for programs that embed it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from twisted_cluster.errors import (
    AskFailedError,
    AskTimeoutError,
    ChannelClosedError,
    ChannelClosedHereError,
    ClusterError,
    ConfigError,
    HandleError,
    MailboxFullError,
    MessageTooLongError,
    NotPrimaryError,
    NotSerializableError,
    PolicyArgumentError,
    SettingsError,
    StartError,
    UnknownEventError,
)
from twisted_cluster.events import ConnectionFacts, ListenerFacts, Look
from twisted_cluster.interfaces import (
    IDrainable,
    IFarewellPolicy,
    IGroupingPolicy,
    ILiningPolicy,
    ILookingPolicy,
    ILoyalPolicy,
    IPolicyMaker,
    ISchedulingPolicy,
    IWorkerLoad,
)
from twisted_cluster.policies import PolicyMaker

if TYPE_CHECKING:
    from twisted_cluster.api.base import Cluster
    from twisted_cluster.primary.config import ClusterConfig
    from twisted_cluster.primary.service import ClusterService

    cluster: Cluster

__all__ = [
    "AskFailedError",
    "AskTimeoutError",
    "ChannelClosedError",
    "ChannelClosedHereError",
    "ClusterConfig",
    "ClusterError",
    "ClusterService",
    "ConfigError",
    "ConnectionFacts",
    "HandleError",
    "IDrainable",
    "IFarewellPolicy",
    "IGroupingPolicy",
    "ILiningPolicy",
    "ILookingPolicy",
    "ILoyalPolicy",
    "IPolicyMaker",
    "ISchedulingPolicy",
    "IWorkerLoad",
    "ListenerFacts",
    "Look",
    "MailboxFullError",
    "MessageTooLongError",
    "NotPrimaryError",
    "NotSerializableError",
    "PolicyArgumentError",
    "PolicyMaker",
    "SettingsError",
    "StartError",
    "UnknownEventError",
    "cluster",
]

# Imported when they are first asked for: who writes a policy has no need of them.
_LATER = {
    "ClusterConfig": "twisted_cluster.primary.config",
    "ClusterService": "twisted_cluster.primary.service",
}


def __getattr__(name: str) -> object:
    if name == "cluster":
        from twisted_cluster.api import thisCluster

        found: object = thisCluster()
    elif name in _LATER:
        found = getattr(import_module(_LATER[name]), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
