"""
The handoff queue: accepted connections on their way to one worker.

One message carries up to L{BATCH} descriptors and a record for each. The primary
keeps a duplicate of the worker's end, so that what no worker has taken can be
counted (L{HandoffQueue.depth}) and taken back (L{HandoffQueue.takeBack}); the kernel
gives each message to one reader only.
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import termios
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from twisted.logger import Logger

from twisted_cluster.errors import MessageError, QueueEndedError, VersionError
from twisted_cluster.events import SocketName
from twisted_cluster.wire.borrowed import Borrowed
from twisted_cluster.wire.closing import discard, discardEnd
from twisted_cluster.wire.passing import areFree, give, isOver, take, unread

log = Logger()

# The kernel takes 253; with 64 a message and its buffers stay small, and the price of a
# system call is shared by enough.
BATCH = 64
KIND = getattr(socket, "SOCK_SEQPACKET", socket.SOCK_DGRAM)

VERSION = 1
# A flag: the connection counts against what the worker is willing to take.
METERED = 1

# Version, family, flags, bounces, port, listener, scope, tally, host; 6 bytes are free.
_record = struct.Struct("<BBBBH2xIII16s4x")
_pack = _record.pack
_longest = BATCH * _record.size
_int = struct.Struct("i")
_AF_INET, _AF_INET6 = int(socket.AF_INET), int(socket.AF_INET6)
_inet_aton, _inet_ntoa = socket.inet_aton, socket.inet_ntoa
_inet_pton, _inet_ntop = socket.inet_pton, socket.inet_ntop
_NOWHERE = bytes(16)


class Handed(NamedTuple):
    """
    One connection on its way; who has it must close C{fd}.

    @ivar listener: The listener's number.
    @ivar name: The peer, as C{accept} gave it.
    @ivar bounces: How many workers have sent the connection back.
    @ivar tally: Where its end is to be counted, besides.
    @ivar flags: L{METERED} or 0.
    """

    fd: int
    listener: int
    name: SocketName
    bounces: int = 0
    tally: int = 0
    flags: int = 0


class Received(NamedTuple):
    """
    One message that came out of a queue.

    @ivar connections: What has come.
    @ivar lost: What the kernel had to close, because no descriptor was free for it;
        their C{fd} is -1.
    """

    connections: Sequence[Handed]
    lost: Sequence[Handed] = ()


def packRecord(
    listener: int, name: SocketName, bounces: int = 0, tally: int = 0, flags: int = 0
) -> bytes:
    """
    @see: L{Handed}
    """
    family, port, scope, host = 0, 0, 0, _NOWHERE
    if isinstance(name, tuple):
        if len(name) == 2:
            four = _inet_aton(name[0])
            return _pack(
                VERSION, _AF_INET, flags, bounces, name[1], listener, 0, tally, four
            )
        text, port, _, scope = name
        family, host = _AF_INET6, _inet_pton(_AF_INET6, text.partition("%")[0])
    return _pack(VERSION, family, flags, bounces, port, listener, scope, tally, host)


def unpackRecord(
    record: tuple[int, int, int, int, int, int, int, int, bytes], fd: int
) -> Handed:
    """
    @param record: What the record's bytes unpack to.
    @param fd: The connection's descriptor.
    """
    _, family, flags, bounces, port, listener, scope, tally, host = record
    name: SocketName = ""
    if family == _AF_INET:
        name = (_inet_ntoa(host[:4]), port)
    elif family == _AF_INET6:
        name = (_inet_ntop(_AF_INET6, host), port, 0, scope)
    return Handed(fd, listener, name, bounces, tally, flags)


def nameOf(fd: int) -> SocketName:
    """
    @return: What C{getsockname} says of a socket; an unnamed one's is empty.
    """
    with Borrowed(fd) as lent:
        name = lent.getsockname()
    # Python gives an abstract UNIX address as bytes.
    return os.fsdecode(name) if isinstance(name, bytes) else name


def letGo(connection: Handed) -> None:
    """
    Close a connection that nobody is to have.
    """
    if isinstance(connection.name, tuple):
        os.close(connection.fd)
    else:
        # UNIX: what lies in it unread can be descriptors, and take long to close.
        discard((connection.fd,), unread)


def receive(queue: socket.socket) -> Received:
    """
    Take one message out of a queue.

    @raise BlockingIOError: If the queue is empty.
    @raise QueueEndedError: If nothing more can come.
    @raise MessageError: If what came is no message of this version; it is gone.
    @raise OSError: If the system has no memory for it just now; it is still there.
    """
    try:
        data, fds, isTruncated, _ = take(queue, _longest, BATCH)
    except ConnectionError as error:
        raise QueueEndedError(str(error)) from error
    if not data or data[0] != VERSION:
        discard(fds)
        _complain(queue, data)
    count = len(data) // _record.size
    if len(fds) == count:
        return Received(_unpackAll(data, fds))
    discard(fds[count:])
    if not isTruncated:
        return Received(_unpackAll(data, fds))
    lost = [-1] * (count - len(fds))
    whole = _unpackAll(data, [*fds, *lost])
    return Received(whole[: len(fds)], whole[len(fds) :])


def sayLost(lost: Sequence[Handed]) -> None:
    """
    Log what the kernel had to close that came back.
    """
    if lost:
        log.error(
            "no descriptor was free for {count} connections that came back: the kernel "
            "has closed them; raise the limit (ulimit -n)",
            count=len(lost),
        )


def _unpackAll(data: bytes, fds: Sequence[int]) -> list[Handed]:
    whole = data[: len(data) - len(data) % _record.size]
    return [
        unpackRecord(record, fd) for record, fd in zip(_record.iter_unpack(whole), fds)
    ]


def _complain(queue: socket.socket, data: bytes) -> None:
    """
    Say what is wrong with a message.
    """
    if data:
        raise VersionError(f"connections of version {data[0]}: here it is {VERSION}")
    if isOver(queue):
        raise QueueEndedError("the other end of the queue is closed")
    raise MessageError("an empty message in a handoff queue")


def send(queue: socket.socket, records: Sequence[bytes], fds: Sequence[int]) -> None:
    """
    Put connections into a queue, as one message. The caller still has to close them.

    @param records: As many as C{fds}, 1 to L{BATCH}.
    @raise OSError: BlockingIOError or ETOOMANYREFS if the queue is full.
    """
    give(queue, (b"".join(records),), fds)


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

    def mayTakeBack(self) -> bool:
        """
        Whether descriptors are free for all that the worker has not taken. The kernel
        would close those that there is none for.
        """
        return areFree(self.depth(), self.end.fileno())

    def takeBack(self) -> Iterator[Received]:
        """
        Take back what the worker has not taken, message by message. What cannot be
        taken for want of memory stays in the queue, for later; what is lost for want of
        descriptors is said.
        """
        while True:
            try:
                came = receive(self.worker)
                sayLost(came.lost)
                yield came
            except (BlockingIOError, QueueEndedError):
                return
            except MessageError as error:
                log.error("a queue holds what nobody put there: {error}", error=error)
            except OSError as error:
                log.error("connections wait in a queue: {error}", error=error)
                return

    def close(self) -> None:
        """
        Close both ends; connections still in the queue are closed with it.
        """
        discardEnd(self.end)
        # Others may have it still: nothing is changed about it.
        if self.worker.fileno() >= 0:
            discard((self.worker.detach(),))
