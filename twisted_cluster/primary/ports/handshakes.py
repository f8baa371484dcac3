"""
Who is about to connect: the client's first word has come, and its second has not yet.
"""

from __future__ import annotations

import socket
import struct
from contextlib import suppress

# As linux/netlink.h, linux/sock_diag.h and linux/inet_diag.h have them.
NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
REQUEST_DUMP = 0x301
SYN_RECV = 1 << 3
HEAD = struct.Struct("=IHHII")
# Family, protocol, what else to tell, states; then whose: the port, and nothing else.
QUESTION = struct.Struct("=BBBxI2s46x")
LONGEST = 32768


def areAny(listening: socket.socket, port: int) -> bool:
    """
    Whether anybody is about to connect, as far as the kernel tells: it is asked for the
    port alone, which others may have on another address.
    """
    try:
        return any(_isAsked(family, port) for family in _familiesOf(listening))
    except (OSError, AttributeError, struct.error):
        # No Linux, or one that does not tell.
        return False


def _familiesOf(listening: socket.socket) -> tuple[int, ...]:
    # One that listens for both families has clients of both.
    isOld = listening.family == socket.AF_INET
    return (socket.AF_INET,) if isOld else (socket.AF_INET6, socket.AF_INET)


def _isAsked(family: int, port: int) -> bool:
    """
    @raise OSError: If the kernel does not tell.
    """
    question = QUESTION.pack(
        family, socket.IPPROTO_TCP, 0, SYN_RECV, struct.pack("!H", port)
    )
    head = HEAD.pack(HEAD.size + len(question), SOCK_DIAG_BY_FAMILY, REQUEST_DUMP, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as kernel:
        kernel.send(head + question)
        with suppress(BlockingIOError):
            answer = kernel.recv(LONGEST, socket.MSG_DONTWAIT)
            return bool(HEAD.unpack_from(answer)[1] == SOCK_DIAG_BY_FAMILY)
    return False
