"""
Run any Twisted server on every core: C{twistd cluster --app=mod.factory}.

C{cluster} is Node's API for scripts; see L{twisted_cluster.api.base.Cluster}.
C{ClusterService} is the command's primary as a service, for programs that embed it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from twisted_cluster.api.base import Cluster
    from twisted_cluster.errors import (
        AskFailedError,
        AskTimeoutError,
        ChannelClosedError,
        ChannelClosedHereError,
        ClusterError,
        CommandError,
        ConfigError,
        ControlTakenError,
        HandleError,
        MailboxFullError,
        MessageTooLongError,
        NotPrimaryError,
        NotSerializableError,
        PolicyArgumentError,
        SettingsError,
        StartError,
        TooManyTopicsError,
        UnknownEventError,
    )
    from twisted_cluster.events import ConnectionFacts, ListenerFacts, Look
    from twisted_cluster.interfaces import (
        IDrainable,
        IFarewellPolicy,
        IGroupingPolicy,
        IKernelPolicy,
        ILiningPolicy,
        ILookingPolicy,
        ILoyalPolicy,
        IPolicyMaker,
        ISchedulingPolicy,
        IWorkerLoad,
    )
    from twisted_cluster.policies import PolicyMaker
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
    "CommandError",
    "ConfigError",
    "ConnectionFacts",
    "ControlTakenError",
    "HandleError",
    "IDrainable",
    "IFarewellPolicy",
    "IGroupingPolicy",
    "IKernelPolicy",
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
    "TooManyTopicsError",
    "UnknownEventError",
    "cluster",
]

# Imported when they are first asked for: the command that asks a cluster has no need of
# Twisted, nor who writes a policy of a primary.
_LATER = {
    "AskFailedError": "twisted_cluster.errors",
    "AskTimeoutError": "twisted_cluster.errors",
    "ChannelClosedError": "twisted_cluster.errors",
    "ChannelClosedHereError": "twisted_cluster.errors",
    "ClusterConfig": "twisted_cluster.primary.config",
    "ClusterError": "twisted_cluster.errors",
    "ClusterService": "twisted_cluster.primary.service",
    "CommandError": "twisted_cluster.errors",
    "ConfigError": "twisted_cluster.errors",
    "ConnectionFacts": "twisted_cluster.events",
    "ControlTakenError": "twisted_cluster.errors",
    "HandleError": "twisted_cluster.errors",
    "IDrainable": "twisted_cluster.interfaces",
    "IFarewellPolicy": "twisted_cluster.interfaces",
    "IGroupingPolicy": "twisted_cluster.interfaces",
    "IKernelPolicy": "twisted_cluster.interfaces",
    "ILiningPolicy": "twisted_cluster.interfaces",
    "ILookingPolicy": "twisted_cluster.interfaces",
    "ILoyalPolicy": "twisted_cluster.interfaces",
    "IPolicyMaker": "twisted_cluster.interfaces",
    "ISchedulingPolicy": "twisted_cluster.interfaces",
    "IWorkerLoad": "twisted_cluster.interfaces",
    "ListenerFacts": "twisted_cluster.events",
    "Look": "twisted_cluster.events",
    "MailboxFullError": "twisted_cluster.errors",
    "MessageTooLongError": "twisted_cluster.errors",
    "NotPrimaryError": "twisted_cluster.errors",
    "NotSerializableError": "twisted_cluster.errors",
    "PolicyArgumentError": "twisted_cluster.errors",
    "PolicyMaker": "twisted_cluster.policies",
    "SettingsError": "twisted_cluster.errors",
    "StartError": "twisted_cluster.errors",
    "TooManyTopicsError": "twisted_cluster.errors",
    "UnknownEventError": "twisted_cluster.errors",
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
