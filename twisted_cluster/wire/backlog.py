"""
Who waits at a listening socket.
"""

from __future__ import annotations

import socket
import struct

# Linux's tcp_info as far as C{tcpi_unacked}, which is the backlog's length where a socket
# listens.
_INFO = struct.Struct("8B5I")


def backlogOf(listening: socket.socket) -> int | None:
    """
    @return: How many connections the kernel has that nobody has accepted; L{None}: it
        does not tell.
    """
    isTCP = listening.family in (socket.AF_INET, socket.AF_INET6)
    if (
        not isTCP
        or listening.type != socket.SOCK_STREAM
        or not hasattr(socket, "TCP_INFO")
    ):
        return None
    try:
        said = listening.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO.size)
        return int(_INFO.unpack(said)[-1])
    except (OSError, struct.error):
        return None
