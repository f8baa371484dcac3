"""
What the kernel says of all TCP sockets of a port, without a lock of any of them.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator

# As linux/netlink.h, linux/sock_diag.h and linux/inet_diag.h have them.
NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
REQUEST_DUMP = 0x301
SYN_RECV, LISTEN = 1 << 3, 1 << 10
ERROR = 2
HEAD, CODE = struct.Struct("=IHHII"), struct.Struct("=i")
# Family, protocol, what else to tell, states; then whose: the port, and nothing else.
QUESTION = struct.Struct("=BBBxI2s46x")
# Of what is told of one: the port, how many wait there where it listens, and its inode.
TOLD = struct.Struct("=4x2s46x4xI8xI")
LONGEST = 32768


def told(family: int, states: int, port: int) -> Iterator[bytes]:
    """
    Ask for sockets.

    @param states: Any of these: bits.
    @return: What there is to be said of each.
    @raise OSError: If it does not.
    """
    question = QUESTION.pack(
        family, socket.IPPROTO_TCP, 0, states, struct.pack("!H", port)
    )
    head = HEAD.pack(HEAD.size + len(question), SOCK_DIAG_BY_FAMILY, REQUEST_DUMP, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as kernel:
        kernel.send(head + question)
        while True:
            answer = kernel.recv(LONGEST, socket.MSG_DONTWAIT)
            at = 0
            while at + HEAD.size <= len(answer):
                size, kind, *_ = HEAD.unpack_from(answer, at)
                if kind == ERROR:
                    # Such as ENOENT, where it has no module for that.
                    number = -CODE.unpack_from(answer, at + HEAD.size)[0]
                    raise OSError(number, os.strerror(number))
                if kind != SOCK_DIAG_BY_FAMILY or size < HEAD.size:
                    return
                yield answer[at + HEAD.size : at + size]
                at += size + 3 & ~3


def waitingAt(family: int, port: int) -> dict[int, int]:
    """
    How many wait to be accepted, by the inodes of those who listen on a port, on
    whatever address; who listens no more is not among them.

    @raise OSError: If the kernel does not tell.
    """
    wanted = struct.pack("!H", port)
    found = {}
    for one in told(family, LISTEN, port):
        if len(one) >= TOLD.size:
            source, waiting, inode = TOLD.unpack_from(one)
            if source == wanted:
                found[inode] = waiting
    return found
