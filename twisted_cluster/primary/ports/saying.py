"""
What a listening socket says of itself.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import suppress

from twisted_cluster.core.socket_facts import Option, SocketFacts

# What may be asked of a listening socket, and what else is so only because it listens.
OPTIONS = {
    "SOL_SOCKET": "SO_ACCEPTCONN SO_REUSEADDR SO_REUSEPORT SO_KEEPALIVE SO_OOBINLINE "
    "SO_RCVBUF SO_SNDBUF SO_RCVLOWAT SO_PRIORITY SO_MARK SO_INCOMING_CPU SO_PASSCRED",
    "IPPROTO_TCP": "TCP_NODELAY TCP_MAXSEG TCP_DEFER_ACCEPT TCP_FASTOPEN TCP_KEEPIDLE "
    "TCP_KEEPINTVL TCP_KEEPCNT TCP_USER_TIMEOUT",
    "IPPROTO_IP": "IP_TOS IP_TTL IP_TRANSPARENT IP_FREEBIND",
    "IPPROTO_IPV6": "IPV6_V6ONLY IPV6_TCLASS IPV6_UNICAST_HOPS",
}
# And structures, with more bytes than any has.
STRUCTURES = {"IPPROTO_TCP": "TCP_INFO"}
LARGEST = 512


def factsOf(listening: socket.socket) -> SocketFacts:
    """
    @return: What there is to be asked, just now.
    """
    name = listening.getsockname()
    if isinstance(name, bytes):
        name = os.fsdecode(name)
    options = [*_named(listening, OPTIONS, 0), *_named(listening, STRUCTURES, LARGEST)]
    return SocketFacts(int(listening.family), name, options)


def _named(
    listening: socket.socket, options: dict[str, str], size: int
) -> Iterator[Option]:
    for levelName, names in options.items():
        level = getattr(socket, levelName, None)
        for option in (getattr(socket, name, None) for name in names.split()):
            if level is None or option is None:
                continue
            # Not all are of this family.
            with suppress(OSError):
                if size:
                    yield level, option, listening.getsockopt(level, option, size).hex()
                else:
                    yield level, option, listening.getsockopt(level, option)
