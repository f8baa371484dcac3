"""
Who waits at a listening socket.
"""

from __future__ import annotations

import socket
import struct

from twisted_cluster.wire.options import getOption

# tcp(7), TCP_INFO of a socket that listens: how many wait, and may wait.
_INFO = struct.Struct("=24xII")


def queueOf(listening: socket.socket) -> tuple[int, int] | None:
    """
    @return: How many connections the kernel has that nobody has accepted, and may have;
        L{None}: it does not tell.
    """
    isTCP = listening.family in (socket.AF_INET, socket.AF_INET6)
    if not isTCP or listening.type != socket.SOCK_STREAM:
        return None
    try:
        which = socket.IPPROTO_TCP, socket.TCP_INFO
        waiting, most = _INFO.unpack(getOption(listening.fileno(), *which, _INFO.size))
    except (OSError, AttributeError, struct.error):
        return None
    return waiting, most


def backlogOf(listening: socket.socket) -> int | None:
    """
    @return: The first of these.
    """
    told = queueOf(listening)
    return None if told is None else told[0]
