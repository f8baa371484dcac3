"""
The mail stream: frames of any size, and descriptors with them, between two processes.

A stream of its own, and not the control channel: however much users send, a listen is
answered at once, and no message of theirs can look like one of the cluster's.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

from attrs import define
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IReadWriteDescriptor
from zope.interface import implementer

from twisted_cluster.core.frames import HANDLE, Frame, FrameReader, packHead
from twisted_cluster.errors import ChannelClosedError, MailboxFullError, MessageError
from twisted_cluster.wire.passing import give, take

AT_ONCE = 1 << 18
PIECES = 256
FEW = 16
PAUSE = 0.05
# Seconds within which a message is not alone.
BURST = 10e-6
# Bytes that malloc has at hand: a larger buffer costs three system calls.
SMALL = 1 << 14
# What may wait to be sent, in bytes: two of the longest messages.
ROOM = 1 << 29

_TOO_MANY = getattr(errno, "ETOOMANYREFS", -1)


@define(eq=False)
class _Parcel:
    """
    A frame that is not sent yet.

    @ivar pieces: What is left of it.
    @ivar fd: The descriptor that goes with the first byte; -1 for none.
    @ivar taken: Fires when the kernel has all of it.
    """

    pieces: list[memoryview | bytes]
    size: int
    fd: int
    taken: Deferred[None]


@implementer(IReadWriteDescriptor)
class Mail:
    """
    One end. It reads from the start; L{pause} stops that.

    @ivar waiting: How many bytes wait to be sent.
    """

    def __init__(
        self,
        reactor: Any,
        end: socket.socket,
        deliver: Callable[[Sequence[tuple[Frame, int | None]]], None],
        closed: Callable[[Exception], None],
    ) -> None:
        """
        @param end: One end of a pair of stream sockets; this owns it from now on.
        @param deliver: Called with what has come, in order; a descriptor belongs to
            who is given it, L{None} stands for one that the kernel had to drop.
        @param closed: Called once, when the other end is gone, or sends what is no
            frame (L{MessageError}).
        """
        end.setblocking(False)
        self._reactor = reactor
        self._socket = end
        self.fileno = end.fileno
        self._deliver = deliver
        self._closed = closed
        self._reader = FrameReader()
        self._parcels: deque[_Parcel] = deque()
        self._fds: deque[int | None] = deque()
        self._writing = False
        self._resting = 0.0
        self._size = SMALL
        self._open = True
        self._flushed: list[Deferred[None]] = []
        self.waiting = 0
        reactor.addReader(self)

    @staticmethod
    def pair() -> tuple[socket.socket, socket.socket]:
        """
        @return: Two ends.
        """
        return socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)

    def send(self, frame: Frame, fd: int = -1) -> Deferred[None]:
        """
        @param fd: A descriptor to send along, of which this makes its own copy.
        @return: Fires when the kernel has all of it; fails with L{MailboxFullError} if
            more than L{ROOM} bytes wait already, with L{ChannelClosedError} if the other
            end is gone before.
        @raise MessageTooLongError: If it is longer than the other end would take.
        """
        return self.post(frame, fd) or succeed(None)

    def post(self, frame: Frame, fd: int = -1) -> Deferred[None] | None:
        """
        As L{send}, for who need not wait.

        @return: L{None}: the kernel has it already.
        """
        return self.postPacked(packHead(frame), frame.body, fd)

    def postPacked(
        self, head: bytes, body: bytes | memoryview, fd: int = -1
    ) -> Deferred[None] | None:
        """
        As L{post}, for a frame that several get.

        @param head: What L{packHead} made.
        """
        if not self._open:
            return fail(ChannelClosedError("the other process is gone"))
        pieces: list[memoryview | bytes] = [head, body]
        size = len(pieces[0]) + len(pieces[1])
        if self.waiting + size > ROOM:
            return fail(MailboxFullError(f"{self.waiting} bytes wait: no room for more"))
        if not self._writing and fd < 0 and time.monotonic() > self._resting:
            # One alone goes at once; what comes right after it goes together, when the
            # reactor gets there.
            sent = self._push(pieces)
            if sent == size:
                self._resting = time.monotonic() + BURST
                return None
            if not self._open:
                return fail(ChannelClosedError("the other process is gone"))
            pieces, size = _without(pieces, sent), size - sent
        return self._queue(pieces, size, fd)

    def _queue(
        self, pieces: list[memoryview | bytes], size: int, fd: int
    ) -> Deferred[None]:
        taken: Deferred[None] = Deferred()
        copy = os.dup(fd) if fd >= 0 else -1
        self._parcels.append(_Parcel(pieces, size, copy, taken))
        self.waiting += size
        if not self._writing:
            self._writing = True
            self._reactor.addWriter(self)
        return taken

    def flushed(self) -> Deferred[None]:
        """
        @return: Fires when nothing waits to be sent, or the other end is gone.
        """
        done: Deferred[None] = Deferred()
        if self.waiting and self._open:
            self._flushed.append(done)
        else:
            done.callback(None)
        return done

    def flushNow(self, timeout: float) -> None:
        """
        Block until nothing waits to be sent: no reactor runs, or none will any more.

        @param timeout: In seconds; returns after it all the same.
        """
        if not self._parcels:
            return
        deadline = time.monotonic() + timeout
        poll = select.poll()
        poll.register(self.fileno(), select.POLLOUT)
        while self._parcels and time.monotonic() < deadline:
            poll.poll((deadline - time.monotonic()) * 1000)
            self._write()

    def doWrite(self) -> None:
        """
        The reactor says that there is room.
        """
        if self._parcels:
            self._write()
        elif self._writing:
            self._writing = False
            self._reactor.removeWriter(self)

    def _write(self) -> None:
        first = self._parcels[0]
        pieces = list(first.pieces)
        fds = (first.fd,) if first.fd >= 0 else ()
        size = first.size
        for parcel in islice(self._parcels, 1, PIECES):
            if parcel.fd >= 0 or size > AT_ONCE:
                break
            pieces += parcel.pieces
            size += parcel.size
        sent = self._push(pieces, fds)
        if not sent:
            return
        if first.fd >= 0:
            os.close(first.fd)
            first.fd = -1
        self._forget(sent)

    def _push(self, pieces: Sequence[memoryview | bytes], fds: Sequence[int] = ()) -> int:
        """
        @return: How many bytes the kernel took.
        """
        try:
            return give(self._socket, pieces, fds)
        except BlockingIOError:
            return 0
        except OSError as error:
            if error.errno == _TOO_MANY:
                # Too many descriptors are under way; the socket can be written all the
                # same, so that the reactor would spin.
                self._reactor.removeWriter(self)
                self._reactor.callLater(PAUSE, self._tryAgain)
            else:
                self._end(ChannelClosedError(f"the other process is gone: {error}"))
            return 0

    def _tryAgain(self) -> None:
        if self._open:
            self._reactor.addWriter(self)

    def _forget(self, sent: int) -> None:
        """
        So many bytes are the kernel's now.
        """
        self.waiting -= sent
        done = []
        while self._parcels and sent >= self._parcels[0].size:
            parcel = self._parcels.popleft()
            sent -= parcel.size
            done.append(parcel.taken)
        if sent:
            parcel = self._parcels[0]
            parcel.size -= sent
            parcel.pieces = _without(parcel.pieces, sent)
        for taken in done:
            taken.callback(None)
        if not self.waiting and self._flushed:
            self._flushed, flushed = [], self._flushed
            for fired in flushed:
                fired.callback(None)

    def doRead(self) -> None:
        """
        The reactor says that something has come.
        """
        self.readOnce()

    def readOnce(self) -> bool:
        """
        Read and deliver what has come, up to some 256 KB.

        @return: Whether there was something.
        """
        try:
            data, fds, isTruncated, _ = take(self._socket, self._size, 1)
        except BlockingIOError:
            return False
        except OSError as error:
            self._end(ChannelClosedError(f"the other process is gone: {error}"))
            return False
        self._size = AT_ONCE if len(data) >= SMALL else SMALL
        if fds or isTruncated:
            self._fds.extend(fds or [None])
        if not data:
            self._end(ChannelClosedError("the other process has closed the channel"))
            return False
        try:
            frames = self._reader.feed(data)
            delivered = [
                (frame, self._takeDescriptor() if frame.flags & HANDLE else None)
                for frame in frames
            ]
            if len(self._fds) > FEW:
                raise MessageError("descriptors that belong to no message")
        except MessageError as error:
            self._end(error)
            return False
        if delivered:
            self._deliver(delivered)
        return self._open

    def _takeDescriptor(self) -> int | None:
        if not self._fds:
            raise MessageError("a message that says it has a descriptor, and has none")
        return self._fds.popleft()

    def pause(self) -> None:
        """
        Read no more for now: the other end's messages wait in the kernel, and then there.
        """
        self._reactor.removeReader(self)

    def resume(self) -> None:
        """
        Read on.
        """
        if self._open:
            self._reactor.addReader(self)

    def close(self) -> None:
        """
        Close this end. What waits to be sent is lost.
        """
        self._closed = lambda error: None
        self._end(ChannelClosedError("this process has closed the channel"))

    def _end(self, error: Exception) -> None:
        if not self._open:
            return
        self._open = False
        self._reactor.removeReader(self)
        self._reactor.removeWriter(self)
        self._socket.close()
        parcels, self._parcels = self._parcels, deque()
        self.waiting = 0
        for fd in [parcel.fd for parcel in parcels] + list(self._fds):
            if fd is not None and fd >= 0:
                os.close(fd)
        self._fds.clear()
        self._closed(error)
        for parcel in parcels:
            parcel.taken.errback(ChannelClosedError(str(error)))
        for fired in self._flushed:
            fired.callback(None)
        self._flushed.clear()

    def connectionLost(self, reason: object) -> None:
        """
        The reactor says that the socket is broken; reading it says how.
        """

    def logPrefix(self) -> str:
        """
        What the log calls it.
        """
        return "cluster"


def _without(
    pieces: Sequence[memoryview | bytes], count: int
) -> list[memoryview | bytes]:
    """
    @return: The pieces without their first C{count} bytes.
    """
    left: list[memoryview | bytes] = []
    for piece in pieces:
        if count < len(piece):
            left.append(memoryview(piece)[count:])
        count = max(0, count - len(piece))
    return left
