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
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from twisted.logger import Logger

from twisted_cluster.errors import MessageError, QueueEndedError, VersionError
from twisted_cluster.events import SocketName
from twisted_cluster.wire.aside import aside
from twisted_cluster.wire.borrowed import Borrowed, Unasked
from twisted_cluster.wire.closing import discard, discardEnd
from twisted_cluster.wire.passing import areFree, give, isOver, take, unread

log = Logger()

# The kernel takes 253; with 64 a message and its buffers stay small, and the price of a
# system call is shared by enough.
BATCH = 64
KIND = getattr(socket, "SOCK_SEQPACKET", socket.SOCK_DGRAM)

VERSION = 2
# Flags: the connection counts against what the worker is willing to take; another worker
# has had it, or has seen it in its queue, and may have it still.
METERED = 1
SEEN = 2
# A worker's connections are numbered so far, and then from 0 again.
LARGEST_NONCE = (1 << 32) - 1

# Version, family, flags, bounces, port, listener, scope, tally, host, nonce; 2 bytes are
# free.
_record = struct.Struct("<BBBBH2xIII16sI")
_pack = _record.pack
# A tuple's own, without the call in between that a named one makes: 0.1 us.
_new: Any = tuple.__new__
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
    @ivar flags: L{METERED}, L{SEEN} or 0.
    @ivar nonce: Which of those it is that the worker was handed: it says so when it
        sends the connection back.
    """

    fd: int
    listener: int
    name: SocketName
    bounces: int = 0
    tally: int = 0
    flags: int = 0
    nonce: int = 0


class Received(NamedTuple):
    """
    One message that came out of a queue.

    @ivar connections: What has come.
    @ivar lost: What the kernel had to close, because no descriptor was free for it;
        their C{fd} is -1.
    """

    connections: Sequence[Handed]
    lost: Sequence[Handed] = ()


class TakenBack(NamedTuple):
    """
    What was taken out of a worker's queue.

    @ivar messages: What has come.
    @ivar fault: What is wrong with the queue; C{""} if nothing is.
    """

    messages: Sequence[Received]
    fault: str = ""


def packRecord(
    listener: int,
    name: SocketName,
    bounces: int = 0,
    tally: int = 0,
    flags: int = 0,
    nonce: int = 0,
) -> bytes:
    """
    @see: L{Handed}
    """
    family, port, scope, host = 0, 0, 0, _NOWHERE
    if isinstance(name, tuple) and len(name) == 2:
        family, port, host = _AF_INET, name[1], _inet_aton(name[0])
    elif isinstance(name, tuple):
        text, port, _, scope = name
        family, host = _AF_INET6, _inet_pton(_AF_INET6, text.partition("%")[0])
    return _pack(
        VERSION, family, flags, bounces, port, listener, scope, tally, host, nonce
    )


def packAll(connections: Iterable[Handed], nonce: int) -> bytes:
    """
    @param nonce: The number of the first; the others' are the next ones.
    @return: Their records.
    """
    packed = []
    for _, listener, name, bounces, tally, flags, _ in connections:
        # What most are, as packRecord() does it, without a call for each: 0.4 us.
        if type(name) is tuple and len(name) == 2:
            host, port = name
            record = _pack(
                VERSION,
                _AF_INET,
                flags,
                bounces,
                port,
                listener,
                0,
                tally,
                _inet_aton(host),
                nonce,
            )
        else:
            record = packRecord(listener, name, bounces, tally, flags, nonce)
        packed.append(record)
        nonce += 1
    return b"".join(packed)


def unpackAll(data: bytes, fds: Iterable[int]) -> list[Handed]:
    """
    @param data: Whole records.
    @param fds: The connections' descriptors.
    """
    connections = []
    records = _record.iter_unpack(data)
    for fd, (_, family, flags, bounces, port, listener, scope, tally, host, nonce) in zip(
        fds, records
    ):
        name: SocketName = ""
        if family == _AF_INET:
            name = (_inet_ntoa(host[:4]), port)
        elif family == _AF_INET6:
            name = (_inet_ntop(_AF_INET6, host), port, 0, scope)
        connections.append(
            _new(Handed, (fd, listener, name, bounces, tally, flags, nonce))
        )
    return connections


def recordIn(data: bytes, place: int) -> Handed:
    """
    @param data: Some records.
    @param place: Which of them, from 0.
    @return: What it says; its C{fd} is -1.
    """
    start = place * _record.size
    return unpackAll(data[start : start + _record.size], (-1,))[0]


def countIn(data: bytes) -> int:
    """
    @return: How many records that are.
    """
    return len(data) // _record.size


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
    if not connection.name and _isOfDatagrams(connection.fd):
        # A UDP port's own: its address is free as soon as this is done, and nobody can
        # have it linger.
        os.close(connection.fd)
    elif connection.flags & SEEN:
        discard((connection.fd,))
    elif isinstance(connection.name, tuple):
        os.close(connection.fd)
    else:
        # UNIX: what lies in it unread can be descriptors, and take long to close.
        discard((connection.fd,), unread)


def _isOfDatagrams(fd: int) -> bool:
    with suppress(OSError), Unasked(fd) as lent:
        return lent.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE) == socket.SOCK_DGRAM
    return False


def receive(queue: socket.socket) -> Received:
    """
    Take one message out of a queue.

    @raise BlockingIOError: If the queue is empty.
    @raise QueueEndedError: If nothing more can come.
    @raise MessageError: If what came is no message of this version, or has not as many
        descriptors as records; it is gone.
    @raise OSError: If the system has no memory for it just now; it is still there.
    """
    try:
        data, fds, isTruncated, _ = take(queue, _longest, BATCH)
    except ConnectionError as error:
        raise QueueEndedError(str(error)) from error
    if not data or data[0] != VERSION:
        discard(fds)
        _complain(queue, data)
    count = countIn(data)
    data = data[: count * _record.size]
    if len(fds) == count:
        return Received(unpackAll(data, fds))
    if not isTruncated:
        discard(fds)
        raise MessageError(f"{count} records with {len(fds)} descriptors")
    discard(fds[count:])
    lost = [-1] * (count - len(fds))
    whole = unpackAll(data, [*fds, *lost])
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

    def takeBack(self) -> TakenBack:
        """
        Take back what the worker has not taken. What cannot be taken for want of memory
        stays in the queue, for later.
        """
        try:
            taken = aside(self._takeAll, _close)
        except TimeoutError:
            return TakenBack((), "it keeps what it was handed from being taken back")
        for come in taken.messages:
            sayLost(come.lost)
        return taken

    def _takeAll(self) -> TakenBack:
        messages: list[Received] = []
        fault = ""
        while True:
            try:
                messages.append(receive(self.worker))
            except (BlockingIOError, QueueEndedError):
                return TakenBack(messages, fault)
            except MessageError as error:
                fault = f"its handoff queue holds what nobody put there: {error}"
            except OSError as error:
                # Who is given up while this waits has its queue closed.
                if self.worker.fileno() >= 0:
                    log.error("connections wait in a queue: {error}", error=error)
                return TakenBack(messages, fault)

    def close(self) -> None:
        """
        Close both ends; connections still in the queue are closed with it.
        """
        discardEnd(self.end)
        # Others may have it still: nothing is changed about it.
        if self.worker.fileno() >= 0:
            discard((self.worker.detach(),))


def _close(taken: TakenBack) -> None:
    """
    Nobody waits any more for what was taken back.
    """
    for come in taken.messages:
        discard([one.fd for one in come.connections])
