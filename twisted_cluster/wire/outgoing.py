"""
What a mail stream still has to send.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IWriteDescriptor

from twisted_cluster.errors import ChannelClosedError, MailboxFullError
from twisted_cluster.reactors import IPollingReactor
from twisted_cluster.wire.heap import FLOOD, giveBackSoon
from twisted_cluster.wire.mailroom import SendingRoom, Shared
from twisted_cluster.wire.parcels import OBJECTS, Parcel, Parcels, Waiter
from twisted_cluster.wire.passing import give

# Seconds until the kernel is asked again that had no memory, or too many descriptors
# under way: it says all the same that there is room, so that the reactor would spin.
NO_ROOM_REST = 0.05
PASSING = frozenset(
    {errno.ENOBUFS, errno.ENOMEM, getattr(errno, "ETOOMANYREFS", errno.ENOBUFS)}
)
T = TypeVar("T")
W = TypeVar("W", bound=Waiter)
DONTWAIT = int(socket.MSG_DONTWAIT)
# Seconds within which a message is not alone.
BURST = 10e-6


class Outgoing:
    """
    Sends frames in order: one alone at once, others together when the reactor says that
    there is room.
    """

    def __init__(
        self,
        reactor: IPollingReactor,
        end: socket.socket,
        writer: IWriteDescriptor,
        broken: Callable[[Exception], None],
        room: SendingRoom,
    ) -> None:
        """
        @param end: The stream; closing it is somebody else's.
        @param writer: What the reactor tells of room, which calls L{write} then.
        @param broken: Called when the other end is gone.
        @param room: For what waits; others may have a part in it.
        """
        self._reactor = reactor
        self._socket = end
        self._writer = writer
        self._broken = broken
        self._room = room
        self._parcels = Parcels(room)
        self._flushed: list[Deferred[None]] = []
        self._ended: ChannelClosedError | None = None
        self._writing = False
        self._pausing: IDelayedCall | None = None
        self._resting = 0.0

    @property
    def waiting(self) -> int:
        """
        How many bytes wait.
        """
        return self._parcels.waiting

    @property
    def held(self) -> int:
        """
        How many bytes of memory that takes.
        """
        return self._parcels.held

    @property
    def gone(self) -> int:
        """
        How many bytes of what has waited are sent.
        """
        return self._parcels.gone

    def postShared(self, parcel: Parcel, shared: Shared, most: int) -> bool:
        """
        @see: L{twisted_cluster.wire.mail.Mail.postShared}
        """
        parcels, room, cost = self._parcels, self._room, parcel.cost
        if parcels.held > most or parcels.waiting > most:
            return False
        isLittle = room.used + cost + shared.size <= room.share
        if not isLittle and room.refusal(parcels.held, cost, shared):
            return False
        sent = 0
        if not (self._writing or parcels.waiting) and self._ended is None:
            sent = self._sendAlone(parcel.pieces, parcel.size)
        if sent < parcel.size and self._ended is None:
            parcels.add(parcel, sent)
            if not self._writing:
                self._watch()
        return True

    def post(
        self,
        head: bytes,
        body: bytes | memoryview,
        waiter: Callable[[T, int], W],
        whose: T,
        number: int,
        fd: int = -1,
    ) -> W | None:
        """
        @param head: A frame's, with what follows it before the body.
        @param waiter: Makes who waits for it, of C{whose} and C{number}.
        @return: Who was made; L{None}: the kernel has it already.
        @see: L{twisted_cluster.wire.mail.Mail.send}
        """
        if self._ended is not None:
            return _told(waiter(whose, number), self._ended)
        size = len(head) + len(body)
        cost = OBJECTS + size
        parcels, room = self._parcels, self._room
        if room.used + cost > room.share:
            # Else there is room for all, and so for one.
            refusal = room.refusal(parcels.held, cost)
            if refusal:
                return _told(waiter(whose, number), MailboxFullError(refusal))
        sent, pieces = 0, (head, body)
        if not (self._writing or parcels.waiting or fd >= 0):
            sent = self._sendAlone(pieces, size)
            if sent == size:
                return None
            if self._ended is not None:
                return _told(waiter(whose, number), self._ended)
        copy = os.dup(fd) if fd >= 0 else -1
        taken = waiter(whose, number)
        parcels.add(Parcel(pieces, size, cost, copy, taken), sent)
        if not self._writing:
            self._watch()
        return taken

    def _sendAlone(self, pieces: Sequence[memoryview | bytes], size: int) -> int:
        """
        One alone goes at once; what comes right after it goes together, when the reactor
        gets there.

        @return: How many bytes the kernel took.
        """
        if time.monotonic() <= self._resting:
            return 0
        try:
            sent = self._socket.sendmsg(pieces, (), DONTWAIT)
        except OSError as error:
            return self._failed(error)
        if sent == size:
            self._resting = time.monotonic() + BURST
        return sent

    def _watch(self) -> None:
        if not self._writing and self._pausing is None:
            self._writing = True
            self._reactor.addWriter(self._writer)

    def _unwatch(self) -> None:
        if self._writing:
            self._writing = False
            self._reactor.removeWriter(self._writer)

    def flushed(self) -> Deferred[None]:
        """
        @see: L{twisted_cluster.wire.mail.Mail.flushed}
        """
        done: Deferred[None] = Deferred()
        if self.waiting:
            self._flushed.append(done)
        else:
            done.callback(None)
        return done

    def flushNow(self, timeout: float) -> None:
        """
        @see: L{twisted_cluster.wire.mail.Mail.flushNow}
        """
        if not self._parcels:
            return
        deadline = time.monotonic() + timeout
        poll = select.poll()
        poll.register(self._socket, select.POLLOUT)
        while self._parcels and (left := deadline - time.monotonic()) > 0:
            poll.poll(left * 1000)
            if not self._write():
                # Where there is room and nothing goes all the same.
                time.sleep(min(left, NO_ROOM_REST / 10))

    def write(self) -> None:
        """
        The reactor says that there is room.
        """
        if self._parcels:
            self._write()
        else:
            self._unwatch()

    def _write(self) -> int:
        pieces, fds = self._parcels.batch()
        sent = self._push(pieces, fds)
        if sent:
            for taken in self._parcels.sent(sent):
                taken.callback(None)
            if not self._parcels:
                self._fireFlushed()
                self._giveBack()
        return sent

    def _giveBack(self) -> None:
        room = self._room
        if room.isFlooded and room.used < FLOOD:
            room.isFlooded = False
            giveBackSoon(self._reactor)

    def _push(self, pieces: Sequence[memoryview | bytes], fds: Sequence[int] = ()) -> int:
        """
        @return: How many bytes the kernel took.
        """
        try:
            return give(self._socket, pieces, fds)
        except OSError as error:
            return self._failed(error)

    def _failed(self, error: OSError) -> int:
        if isinstance(error, BlockingIOError):
            return 0
        if error.errno in PASSING:
            self.pause()
        else:
            why = f"the other process is gone: {error}"
            self._broken(ChannelClosedError(why))
        return 0

    def pause(self) -> None:
        """
        Try to write again in a while.
        """
        if self._pausing is None:
            self._unwatch()
            self._pausing = self._reactor.callLater(NO_ROOM_REST, self._goOn)

    def wasLetGo(self) -> None:
        """
        The reactor writes no more, whatever it was asked.
        """
        self._writing = False
        if self._ended is None and self._parcels:
            self.pause()

    def _goOn(self) -> None:
        self._pausing = None
        if self._parcels:
            self._watch()

    def _fireFlushed(self) -> None:
        self._flushed, flushed = [], self._flushed
        for fired in flushed:
            fired.callback(None)

    def stop(self, error: ChannelClosedError) -> None:
        """
        Send nothing more.

        @param error: What everybody is told whose messages come later.
        """
        self._ended = error
        self._unwatch()
        if self._pausing is not None:
            self._pausing.cancel()
            self._pausing = None

    def fail(self, error: ChannelClosedError) -> None:
        """
        Fail what waits.
        """
        failed, done = self._parcels.clear()
        for taken in failed:
            taken.errback(type(error)(str(error)))
        for taken in done:
            taken.callback(None)
        self._fireFlushed()
        self._giveBack()


def _told(waiter: W, error: Exception) -> W:
    """
    @return: Who waits, and has heard that it waits in vain.
    """
    waiter.errback(error)
    return waiter
