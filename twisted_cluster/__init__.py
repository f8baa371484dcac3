"""
Run any Twisted server on every core: C{twistd cluster --app=mod.factory}.
"""

from twisted_cluster.errors import ClusterError, StartError
from twisted_cluster.events import ConnectionFacts, ListenerFacts
from twisted_cluster.interfaces import IPolicyMaker, ISchedulingPolicy, IWorkerLoad
from twisted_cluster.policies import PolicyMaker

__all__ = [
    "ClusterError",
    "ConnectionFacts",
    "IPolicyMaker",
    "ISchedulingPolicy",
    "IWorkerLoad",
    "ListenerFacts",
    "PolicyMaker",
    "StartError",
]
