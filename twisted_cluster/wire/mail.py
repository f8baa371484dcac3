"""
The mail stream: frames of any size, and descriptors with them, between two processes.

A stream of its own, and not the control channel: however much users send, a listen is
answered at once, and no message of theirs can look like one of the cluster's.
"""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReadWriteDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_cluster.core.frames import (
    HANDLE,
    LONGEST_FRAME,
    Frame,
    FrameReader,
    packHead,
)
from twisted_cluster.errors import (
    ChannelClosedError,
    ChannelClosedHereError,
    MessageError,
)
from twisted_cluster.reactors import IPollingReactor
from twisted_cluster.wire.claim import SHORT, Claim
from twisted_cluster.wire.closing import discard, discardEnd
from twisted_cluster.wire.mailroom import Mailroom, Shared
from twisted_cluster.wire.outgoing import Outgoing
from twisted_cluster.wire.parcels import AT_ONCE, Parcel
from twisted_cluster.wire.passing import take, waitingIn
from twisted_cluster.wire.reader import Reader

log = Logger()

# Descriptors come with the first byte of their frame, which may need a few more reads.
FEW = 16
# Bytes that malloc has at hand: a larger buffer costs three system calls.
SMALL = 1 << 14
# Where frames are shorter, in bytes, so much is not read at once: each takes its time,
# and others wait for their turn.
SHORT_FRAME = 1 << 9

Delivery = tuple[Frame, "int | None"]


def _always(kind: int, number: int) -> bool:
    return True


def _deferred(whose: None, number: int) -> Deferred[None]:
    return Deferred()


@implementer(IReadWriteDescriptor)
class Mail(Reader):
    """
    One end. It reads from the start; L{pause} stops that.

    @ivar post: As L{send}, for who has packed the head, and says who waits, as
        L{Outgoing.post<twisted_cluster.wire.outgoing.Outgoing.post>} has it.
    """

    def __init__(
        self,
        reactor: IPollingReactor,
        end: socket.socket,
        deliver: Callable[[Sequence[Delivery]], object],
        closed: Callable[[Exception], object],
        room: Mailroom | None = None,
        isWanted: Callable[[int, int], bool] = _always,
    ) -> None:
        """
        @param end: One end of a pair of stream sockets; this owns it from now on.
        @param deliver: Called with what has come, in order; a descriptor belongs to
            who is given it, L{None} stands for one that the kernel had to drop.
        @param closed: Called once, when the other end is gone, or sends what is no
            frame (L{MessageError}).
        @param room: What has a part in it shares it; C{None}: this alone has one.
        @param isWanted: As of a L{FrameReader}.
        """
        room = room or Mailroom.make()
        end.setblocking(False)
        super().__init__(reactor, end.fileno, self.readOnce, "a mail stream")
        self._socket = end
        self._deliver = deliver
        self._closed = closed
        self._frames = FrameReader(LONGEST_FRAME, isWanted)
        self._fds: deque[int | None] = deque()
        self._size = SMALL
        self._open = True
        self._isWaitedFor = True
        self._isHeld = False
        self._claim = Claim(reactor, room.coming, self._hold, self._end, self._waits)
        self._outgoing = Outgoing(reactor, end, self, self._end, room.sending)
        self.post = self._outgoing.post
        self.start()

    @staticmethod
    def pair() -> tuple[socket.socket, socket.socket]:
        """
        @return: Two ends.
        """
        return socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)

    # Sending

    @property
    def waiting(self) -> int:
        """
        How many bytes wait to be sent.
        """
        return self._outgoing.waiting

    @property
    def held(self) -> int:
        """
        How many bytes of memory that takes.
        """
        return self._outgoing.held

    @property
    def gone(self) -> int:
        """
        How many bytes of what has waited are sent: while something waits, and this stays
        the same, the other end does not read.
        """
        return self._outgoing.gone

    def send(self, frame: Frame, fd: int = -1) -> Deferred[None]:
        """
        @param fd: A descriptor to send along, of which this makes its own copy.
        @return: Fires when the kernel has all of it; fails with L{MailboxFullError} if
            there is no room for it behind what waits already, with
            L{ChannelClosedError} if the other end is gone before, with
            L{ChannelClosedHereError} if this one is closed.
        @raise MessageTooLongError: If it is longer than the other end would take.
        """
        sent = self.post(packHead(frame), frame.body, _deferred, None, 0, fd)
        return succeed(None) if sent is None else sent

    def postShared(self, parcel: Parcel, shared: Shared, most: int) -> bool:
        """
        Send what several get.

        @param shared: The parcel's.
        @param most: It is not to wait behind more than so many bytes.
        @return: Whether there was room for it; of one that is gone there is.
        """
        return self._outgoing.postShared(parcel, shared, most)

    def flushed(self) -> Deferred[None]:
        """
        @return: Fires when nothing waits to be sent, or the other end is gone; give it a
            time-out, for who does not read is not gone.
        """
        return self._outgoing.flushed()

    def flushNow(self, timeout: float) -> None:
        """
        Block until nothing waits to be sent: no reactor runs, or none will any more.

        @param timeout: In seconds; returns after it all the same.
        """
        self._outgoing.flushNow(timeout)

    def doWrite(self) -> None:
        """
        The reactor says that there is room.
        """
        try:
            self._outgoing.write()
        except BaseException:
            log.failure("a mail stream could not be written to; it is tried again")
            self._outgoing.pause()

    # Reading

    @property
    def capacity(self) -> int:
        """
        The most bytes that lie in the kernel for this end to read: the other end's room
        is as large as this one's.
        """
        if not self._open:
            return 0
        return self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)

    def readOnce(self) -> int:
        """
        Read and deliver what has come, up to some 256 KB.

        @return: How many bytes those were; 0 if more cannot be read now.
        @raise OSError: If the system has no memory for it just now; it is still there.
        """
        if not self._open:
            return 0
        try:
            data, fds, isTruncated, _ = take(self._socket, self._size, 1)
        except BlockingIOError:
            return 0
        except ConnectionError as error:
            self._end(ChannelClosedError(f"the other process is gone: {error}"))
            return 0
        if fds or isTruncated:
            self._fds.extend(fds or [None])
        if not data:
            self._end(ChannelClosedError("the other process has closed the channel"))
            return 0
        size = len(data)
        frame = self._frames.alone(data)
        if frame is not None and not (self._claim.size or self._fds):
            self._size = SMALL
            self._deliver(((frame, None),))
            return size if self._open else 0
        count = self._cut(data)
        isLittle = size < SMALL or size < count * SHORT_FRAME
        self._size = SMALL if isLittle else AT_ONCE
        return size if self._open else 0

    def _cut(self, data: bytes) -> int:
        """
        Deliver the frames that are complete.

        @return: How many those are.
        """
        delivered: list[Delivery] = []
        wrong: MessageError | None = None
        try:
            for frame in self._frames.feed(data):
                fd = self._takeDescriptor() if frame.flags & HANDLE else None
                delivered.append((frame, fd))
            if len(self._fds) > FEW:
                raise MessageError("descriptors that belong to no message")
        except MessageError as error:
            wrong = error
        if self._frames.coming > SHORT or self._claim.size:
            self._claim.look(self._frames.coming, bool(delivered), len(data))
        if delivered:
            self._deliver(delivered)
        if wrong is not None:
            self._end(wrong)
        return len(delivered)

    def _takeDescriptor(self) -> int | None:
        if not self._fds:
            raise MessageError("a message that says it has a descriptor, and has none")
        return self._fds.popleft()

    def pause(self) -> None:
        """
        Read no more for now: the other end's messages wait in the kernel, and then there.
        """
        self._isWaitedFor = False
        self.stop()

    def resume(self) -> None:
        """
        Read on.
        """
        self._isWaitedFor = True
        if self._open and not self._isHeld:
            self.start()

    def _hold(self, isHeld: bool) -> None:
        """
        There is no room for what is to come, or there is again.
        """
        self._isHeld = isHeld
        if isHeld:
            self.stop()
        elif self._isWaitedFor:
            self.resume()

    def _waits(self) -> bool:
        """
        Whether the other end could have sent more, or is not read for what it has not
        read itself.
        """
        if not self._isWaitedFor or self._isHeld:
            return self.waiting > 0
        return waitingIn(self._socket) < SMALL

    # Ending

    def close(self, error: ChannelClosedError | None = None) -> None:
        """
        Close this end. What waits to be sent is lost.

        @param error: What those are told whose messages wait, if it is not this process
            that wants it.
        """
        self._closed = lambda _: None
        closed = ChannelClosedHereError("this process has closed the channel")
        self._end(error or closed)

    def _end(self, error: Exception) -> None:
        if not self._open:
            return
        self._open = False
        self._claim.end()
        self.stop()
        gone = error
        if not isinstance(gone, ChannelClosedError):
            gone = ChannelClosedError(str(error))
        self._outgoing.stop(gone)
        discard(fd for fd in self._fds if fd is not None)
        self._fds.clear()
        discardEnd(self._socket)
        try:
            self._closed(error)
        finally:
            self._outgoing.fail(gone)

    def connectionLost(self, reason: Failure | None) -> None:
        """
        The reactor has let go of the socket; reading it says why.
        """
        super().connectionLost(reason)
        self._outgoing.wasLetGo()
