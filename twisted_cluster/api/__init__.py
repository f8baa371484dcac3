"""
Node's C{cluster}, for Twisted: C{from twisted_cluster import cluster}.
"""

from __future__ import annotations

import sys

import twisted.internet

from twisted_cluster.api.base import Cluster
from twisted_cluster.kinds import REACTOR


def thisCluster() -> Cluster:
    """
    @return: What C{cluster} is in this process. In a worker the cluster reactor is
        installed; nothing else makes a process a worker, whatever its environment says.
    """
    # Who deletes the module, to install another reactor, leaves the attribute.
    reactor = sys.modules.get(REACTOR) or getattr(twisted.internet, "reactor", None)
    link = getattr(reactor, "clusterLink", None)
    if link is not None:
        from twisted_cluster.api.own import WorkerCluster

        return WorkerCluster(link)
    from twisted_cluster.api.primary import PrimaryCluster

    return PrimaryCluster()
