"""
Datagrams that the primary has read, on their way to a worker: in a file in memory, for
who has a socket of another worker's could go on reading it.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from twisted_cluster.wire import memfd
from twisted_cluster.wire.handed import RECORD, packRecord, recordIn

# What was sent, and by whom, as recvfrom() gives it.
Datagram = tuple[bytes, Any]
LENGTH = struct.Struct("<I")
# In bytes: as much as is relayed at a time, which is less than what is read in a turn.
LARGEST = 1 << 18


def relay(datagrams: Iterable[Datagram]) -> int:
    """
    @param datagrams: L{LARGEST} bytes together, at most.
    @return: The descriptor of a file that has them.
    @raise OSError: As L{memfd.holding}.
    """
    return memfd.holding(
        b"".join(
            packRecord(0, name) + LENGTH.pack(len(data)) + data
            for data, name in datagrams
        )
    )


def relayed(fd: int) -> Iterator[Datagram]:
    """
    @param fd: What L{relay} has made.
    @return: What is in it.
    """
    data, at = os.pread(fd, memfd.sizeOf(fd), 0), 0
    while at < len(data):
        name = recordIn(data[at : at + RECORD.size], 0).name
        start = at + RECORD.size + LENGTH.size
        [length] = LENGTH.unpack_from(data, start - LENGTH.size)
        at = start + length
        yield data[start:at], name


class RelayedSocket:
    """
    What a port reads instead of its socket, which it is otherwise.
    """

    def __init__(self, own: socket.socket, datagrams: Iterable[Datagram]) -> None:
        """
        @param own: The port's.
        @param datagrams: What is read.
        """
        self._own = own
        self._left = deque(datagrams)

    def recvfrom(self, size: int, flags: int = 0) -> Datagram:
        """
        @raise BlockingIOError: There are no more.
        """
        if not self._left:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        data, name = self._left.popleft()
        return data[:size], name

    def __getattr__(self, name: str) -> Any:
        return getattr(self._own, name)
