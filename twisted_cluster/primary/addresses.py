"""
What counts as one client.
"""

from __future__ import annotations

import ipaddress

from twisted_cluster.events import SocketName


def addressOf(name: SocketName) -> str:
    """
    What counts as one address: of IPv6 a /64.
    """
    host = name[0].partition("%")[0]
    if ":" not in host:
        return host
    six = ipaddress.IPv6Address(host)
    if six.ipv4_mapped is not None:
        return str(six.ipv4_mapped)
    return str(ipaddress.IPv6Address(int(six) >> 64 << 64))
