"""
What counts as one client.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from twisted_cluster.events import SocketName


@lru_cache(4096)
def networkOf(
    host: str, prefix4: int = 32, prefix6: int = 64
) -> IPv4Address | IPv6Address | None:
    """
    @param host: An IP address, with or without a zone.
    @param prefix4: How many bits of an IPv4 address are the client's.
    @param prefix6: The same of IPv6.
    @return: The first address of the client's network; L{None} if C{host} is no address.
        An IPv4 address written as an IPv6 one is an IPv4 address.
    """
    try:
        address = ip_address(host)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address
    rest = address.max_prefixlen - (prefix4 if address.version == 4 else prefix6)
    # Made of a number, it has no zone.
    return type(address)(int(address) >> rest << rest)


def addressOf(name: SocketName) -> str:
    """
    What counts as one address: of IPv6 a /64.

    @param name: As C{accept} gave it, of TCP.
    """
    return str(networkOf(name[0]))
