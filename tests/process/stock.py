"""
What the same is without a cluster, to compare with.
"""

from __future__ import annotations

from tests.process.cluster import RunningCluster


class Stock(RunningCluster):
    """
    C{twistd -n ...}, while a C{with} block lasts.
    """

    PLUGIN = ()
