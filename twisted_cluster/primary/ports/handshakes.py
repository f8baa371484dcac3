"""
Who is about to connect: the client's first word has come, and its second has not yet.
"""

from __future__ import annotations

import socket
import struct

from twisted_cluster.wire.diagnosis import SYN_RECV, told


def areAny(listening: socket.socket, port: int) -> bool:
    """
    Whether anybody is about to connect, as far as the kernel tells: it is asked for the
    port alone, which others may have on another address.
    """
    try:
        return any(
            True
            for family in _familiesOf(listening)
            for _ in told(family, SYN_RECV, port)
        )
    except (OSError, AttributeError, struct.error):
        # No Linux, or one that does not tell.
        return False


def _familiesOf(listening: socket.socket) -> tuple[int, ...]:
    # One that listens for both families has clients of both.
    isOld = listening.family == socket.AF_INET
    return (socket.AF_INET,) if isOld else (socket.AF_INET6, socket.AF_INET)
