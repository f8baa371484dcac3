"""
The handoff queue: accepted connections on their way to one worker.

One message carries up to L{BATCH} descriptors and a record for each. The primary
keeps a duplicate of the worker's end, so that what no worker has taken can be
counted (L{HandoffQueue.depth}) and taken back (L{HandoffQueue.takeBack}); the kernel
gives each message to one reader only.
"""

from __future__ import annotations

import array
import fcntl
import os
import socket
import struct
import termios
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from twisted.logger import Logger

from twisted_cluster.events import SocketName
from twisted_cluster.wire.borrowed import Borrowed

log = Logger()

BATCH = 64
# A bit of a connection's bounces: it counts against what the worker is willing to take.
METERED = 0x80
KIND = getattr(socket, "SOCK_SEQPACKET", socket.SOCK_DGRAM)
# Python's recv_fds ignores its flags, hence recvmsg.
RECEIVE = socket.MSG_DONTWAIT | getattr(socket, "MSG_CMSG_CLOEXEC", 0)

_record = struct.Struct("<IBBHI16sI")
_ancillary = socket.CMSG_SPACE(BATCH * 4)
_int = struct.Struct("i")
_AF_INET, _AF_INET6 = int(socket.AF_INET), int(socket.AF_INET6)
_inet_aton, _inet_ntoa = socket.inet_aton, socket.inet_ntoa
_NOWHERE = bytes(16)


def packRecord(
    listener: int, name: SocketName, bounces: int = 0, tally: int = 0
) -> bytes:
    """
    @param listener: The listener's number.
    @param name: The peer, as C{accept} gave it.
    @param bounces: How many workers have sent the connection back.
    @param tally: Where its end is to be counted, besides.
    """
    if not isinstance(name, tuple):
        return _record.pack(listener, 0, bounces, 0, 0, _NOWHERE, tally)
    if len(name) == 2:
        four, port = _inet_aton(name[0]), name[1]
        return _record.pack(listener, _AF_INET, bounces, port, 0, four, tally)
    host = socket.inet_pton(socket.AF_INET6, name[0].partition("%")[0])
    return _record.pack(listener, _AF_INET6, bounces, name[1], name[3], host, tally)


def nameOf(fd: int) -> SocketName:
    """
    @return: What C{getsockname} says of a socket; an unnamed one's is empty.
    """
    with Borrowed(fd) as lent:
        name = lent.getsockname()
    # Python gives an abstract UNIX address as bytes.
    return os.fsdecode(name) if isinstance(name, bytes) else name


class Handed(NamedTuple):
    """
    One connection that came out of a queue; who has it must close C{fd}.
    """

    fd: int
    listener: int
    name: SocketName
    bounces: int
    tally: int = 0


def unpackRecord(record: tuple[int, int, int, int, int, bytes, int], fd: int) -> Handed:
    """
    @param record: What the record's bytes unpack to.
    @param fd: The connection's descriptor.
    """
    listener, family, bounces, port, scope, host, tally = record
    if family == _AF_INET:
        return Handed(fd, listener, (_inet_ntoa(host[:4]), port), bounces, tally)
    if family == _AF_INET6:
        name = (socket.inet_ntop(socket.AF_INET6, host), port, 0, scope)
        return Handed(fd, listener, name, bounces, tally)
    return Handed(fd, listener, "", bounces, tally)


def _closeAll(fds: Sequence[int]) -> None:
    for fd in fds:
        os.close(fd)


def descriptorsIn(ancillary: Iterable[tuple[int, int, bytes]]) -> array.array[int]:
    """
    @param ancillary: What C{recvmsg} gave.
    @return: The descriptors that came along; who has them must close them.
    """
    fds = array.array("i")
    for level, kind, part in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(part[: len(part) - len(part) % fds.itemsize])
    return fds


def receive(queue: socket.socket) -> list[Handed]:
    """
    Take one message out of a queue.

    @return: Its connections; none at the end of the queue's life. Connections whose
        descriptors the kernel dropped for want of room (MSG_CTRUNC) are left out.
    @raise BlockingIOError: If the queue is empty.
    """
    data, ancillary, flags, _ = queue.recvmsg(BATCH * _record.size, _ancillary, RECEIVE)
    if flags & socket.MSG_CTRUNC:
        log.error("no room for descriptors: the kernel has closed connections")
    fds = descriptorsIn(ancillary)
    count = len(data) // _record.size
    _closeAll(fds[count:])
    return [
        unpackRecord(record, fd)
        for record, fd in zip(_record.iter_unpack(data[: count * _record.size]), fds)
    ]


def send(queue: socket.socket, records: Sequence[bytes], fds: Sequence[int]) -> None:
    """
    Put connections into a queue, as one message. The caller still has to close them.

    @param records: As many as C{fds}, 1 to L{BATCH}.
    @raise OSError: BlockingIOError or ETOOMANYREFS if the queue is full.
    """
    queue.sendmsg(
        (b"".join(records),),
        ((socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds)),),
        socket.MSG_DONTWAIT,
    )


class HandoffQueue:
    """
    The primary's side of one worker's queue.

    @ivar end: The primary's end; what a worker sends back arrives here.
    @ivar worker: The primary's duplicate of the worker's end.
    """

    def __init__(self) -> None:
        self.end, self.worker = socket.socketpair(socket.AF_UNIX, KIND)
        self.end.setblocking(False)

    def depth(self) -> int:
        """
        How many connections the worker has not taken, asked of the kernel.

        @see: unix(7), SIOCINQ; on a SEQPACKET socket it sums all messages.
        """
        count = fcntl.ioctl(self.worker, termios.FIONREAD, bytes(_int.size))
        return int(_int.unpack(count)[0] // _record.size)

    def takeBack(self) -> Iterator[Handed]:
        """
        Take back what the worker has not taken.
        """
        while True:
            try:
                message = receive(self.worker)
            except BlockingIOError:
                return
            if not message:
                return
            yield from message

    def close(self) -> None:
        """
        Close both ends; connections still in the queue are closed with it.
        """
        self.end.close()
        self.worker.close()
