"""
The handoff queue: accepted connections on their way to one worker.

One message carries up to L{BATCH} descriptors and a record for each. The primary
keeps a duplicate of the worker's end, so that what no worker has taken can be
counted (L{HandoffQueue.depth}) and taken back (L{HandoffQueue.takeBack}); the kernel
gives each message to one reader only.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from twisted.logger import Logger

from twisted_cluster.errors import MessageError, QueueEndedError, VersionError
from twisted_cluster.events import SocketName
from twisted_cluster.wire.aside import aside
from twisted_cluster.wire.borrowed import Borrowed, Unasked
from twisted_cluster.wire.closing import discard, discardEnd
from twisted_cluster.wire.handed import (
    RECORD,
    RELAYED,
    SEEN,
    VERSION,
    Handed,
    countIn,
    unpackAll,
)
from twisted_cluster.wire.passing import areFree, give, isOver, take, unread, waitingIn

log = Logger()

# The kernel takes 253; with 64 a message and its buffers stay small, and the price of a
# system call is shared by enough.
BATCH = 64
KIND = getattr(socket, "SOCK_SEQPACKET", socket.SOCK_DGRAM)

_longest = BATCH * RECORD.size


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
    if connection.flags & RELAYED:
        os.close(connection.fd)
    elif not connection.name and _isOfDatagrams(connection.fd):
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
    data = data[: count * RECORD.size]
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
        return waitingIn(self.worker) // RECORD.size

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
