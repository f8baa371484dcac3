"""
The control channel: typed messages, and listening sockets, both ways.
"""

from __future__ import annotations

import errno
import select
import socket
from collections.abc import Callable, Sequence

from twisted_cluster.core.messages import LONGEST_MESSAGE, Message, decode, encode
from twisted_cluster.errors import (
    ChannelClosedError,
    ChannelClosedHereError,
    ChannelFullError,
    MessageError,
)
from twisted_cluster.wire.closing import discard, discardEnd
from twisted_cluster.wire.handoff import KIND
from twisted_cluster.wire.passing import give, isOver, take, takeNone

# The other end has not read what it has, or the system has no memory just now, or too
# many descriptors are on their way: all of that may pass.
FULL = frozenset(
    {errno.EAGAIN, errno.EWOULDBLOCK, errno.ENOBUFS, errno.ENOMEM}
    | {getattr(errno, "ETOOMANYREFS", errno.ENOBUFS)}
)


class Channel:
    """
    One end. Nothing here blocks, but for L{wait}.
    """

    _tell: Callable[[int], object] | None = None
    _ask: Callable[[], int] | None = None

    def __init__(self, end: socket.socket, most: int = 1) -> None:
        """
        @param end: One end of a socket pair; this owns it from now on.
        @param most: How many descriptors may come with a message, 0 or 1.
        """
        end.setblocking(False)
        self._socket = end
        self._most = most
        self._poll = select.poll()
        self._poll.register(end, select.POLLIN)
        self._sent = self._received = 0
        self.fileno = end.fileno

    @classmethod
    def pair(cls) -> tuple[Channel, socket.socket]:
        """
        @return: The primary's end, which takes no descriptors, and the socket that the
            worker is to inherit.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, KIND)
        takeNone(ours)
        return cls(ours, 0), theirs

    def count(self, tell: Callable[[int], object], ask: Callable[[], int]) -> None:
        """
        Both ends show how many messages they have sent: to look there is a tenth of what
        it is to ask the system. Who does not show it is asked for all the same, once it
        has sent anything.

        @param tell: Shows how many this end has sent.
        @param ask: Says how many the other end has.
        """
        self._tell, self._ask = tell, ask
        tell(self._sent)

    def send(self, message: Message, fds: Sequence[int] = ()) -> None:
        """
        @param fds: At most one descriptor to send along; the caller keeps its own.
        @raise ChannelFullError: If there is no room for it now.
        @raise ChannelClosedError: If the other process is gone.
        @raise ChannelClosedHereError: If this end is closed.
        @raise MessageError: If it is longer than the other end would take.
        """
        data = encode(message)
        self._checkOpen()
        try:
            give(self._socket, [data], fds)
        except OSError as error:
            why = f"cannot send {message!r:.80}: {error}"
            if error.errno in FULL:
                raise ChannelFullError(why) from error
            raise ChannelClosedError(why) from error
        self._sent += 1
        if self._tell is not None:
            self._tell(self._sent)

    def receive(self) -> tuple[Message, int | None]:
        """
        @return: A message, and the descriptor that came along if one did; also if one
            was sent, but no number was free for it, it is L{None}.
        @raise BlockingIOError: If nothing has come.
        @raise ChannelClosedError: If the other process is gone.
        @raise ChannelClosedHereError: If this end is closed.
        @raise MessageError: If what came is no message, or has descriptors with it that
            this end does not take.
        @raise OSError: If the system has no memory for it just now; it is still there.
        """
        self._checkOpen()
        try:
            data, fds, isTruncated, isCut = take(
                self._socket, LONGEST_MESSAGE, self._most
            )
        except ConnectionError as error:
            raise ChannelClosedError(str(error)) from error
        self._received += 1
        try:
            if isCut:
                raise MessageError(f"a message of more than {LONGEST_MESSAGE} bytes")
            if not data and isOver(self._socket):
                raise ChannelClosedError("the other end is closed")
            if isTruncated and not self._most:
                raise MessageError("it sends descriptors where none belong")
            message = decode(data)
        except BaseException:
            discard(fds)
            raise
        return message, (fds[0] if fds else None)

    def _checkOpen(self) -> None:
        if self._socket.fileno() < 0:
            raise ChannelClosedHereError("this process has closed the channel")

    def hasCome(self) -> bool:
        """
        Whether L{receive} would find something; where that is not counted, or the end.
        """
        if self._ask is not None and self._ask() == self._received:
            return False
        return bool(self._poll.poll(0))

    def wait(self, timeout: float) -> None:
        """
        Block until something can be received.

        @param timeout: In seconds; returns after it all the same. A time that is over
            already is none.
        """
        # Not a blocking recvmsg: uvloop sets O_NONBLOCK behind one's back. What is
        # negative poll(2) takes for ever.
        self._poll.poll(max(0.0, timeout) * 1000)

    def waitForRoom(self, timeout: float) -> None:
        """
        Block until something can be sent.

        @param timeout: As for L{wait}.
        """
        poll = select.poll()
        poll.register(self._socket, select.POLLOUT)
        poll.poll(max(0.0, timeout) * 1000)

    def close(self) -> None:
        """
        Close this end.
        """
        self._poll = select.poll()
        if self._most:
            self._socket.close()
        else:
            discardEnd(self._socket)
