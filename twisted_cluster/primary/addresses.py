"""
Whose a connection is.
"""

from __future__ import annotations

from twisted_cluster.core.addresses import networkOf
from twisted_cluster.events import SocketName


def addressOf(name: SocketName) -> str:
    """
    What counts as one address: of IPv6 a /64.

    @param name: As C{accept} gave it, of TCP.
    """
    return str(networkOf(name[0]))
