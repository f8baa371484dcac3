"""
The control channel: typed messages, and listening sockets, both ways.
"""

from __future__ import annotations

import array
import os
import select
import socket
from collections.abc import Sequence

from twisted_cluster.core.messages import LONGEST, Message, decode, encode
from twisted_cluster.errors import ChannelClosedError
from twisted_cluster.wire.handoff import KIND, RECEIVE, descriptorsIn

_ancillary = socket.CMSG_SPACE(4)


class Channel:
    """
    One end. Nothing here blocks, but for L{wait}.
    """

    def __init__(self, end: socket.socket) -> None:
        """
        @param end: One end of a socket pair; this owns it from now on.
        """
        end.setblocking(False)
        self._socket = end
        self._poll = select.poll()
        self._poll.register(end, select.POLLIN)
        self.fileno = end.fileno

    @classmethod
    def pair(cls) -> tuple[Channel, socket.socket]:
        """
        @return: The primary's end, and the socket that the worker is to inherit.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, KIND)
        return cls(ours), theirs

    def send(self, message: Message, fds: Sequence[int] = ()) -> None:
        """
        @param fds: At most one descriptor to send along; the caller keeps its own.
        @raise ChannelClosedError: If the other process is gone, or so stuck that it
            has not read hundreds of messages.
        """
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))]
        try:
            self._socket.sendmsg(
                [encode(message)], rights if fds else [], socket.MSG_DONTWAIT
            )
        except OSError as error:
            raise ChannelClosedError(f"cannot send {message}: {error}") from error

    def receive(self) -> tuple[Message, int | None]:
        """
        @return: A message, and the descriptor that came along if one did.
        @raise BlockingIOError: If nothing has come.
        @raise ChannelClosedError: If the other process is gone.
        @raise MessageError: If what came is no message.
        """
        try:
            data, ancillary, _, _ = self._socket.recvmsg(LONGEST, _ancillary, RECEIVE)
        except ConnectionError as error:
            raise ChannelClosedError(str(error)) from error
        fds = descriptorsIn(ancillary)
        if not data:
            raise ChannelClosedError("the other end is closed")
        try:
            message = decode(data)
        except BaseException:
            for fd in fds:
                os.close(fd)
            raise
        return message, (fds[0] if fds else None)

    def hasCome(self) -> bool:
        """
        Whether L{receive} would find something, or the end; a third of the price.
        """
        return bool(self._poll.poll(0))

    def wait(self, timeout: float) -> None:
        """
        Block until something can be received.

        @param timeout: In seconds; returns after it all the same.
        """
        # Not a blocking recvmsg: uvloop sets O_NONBLOCK behind one's back.
        self._poll.poll(timeout * 1000)

    def close(self) -> None:
        """
        Close this end.
        """
        self._poll = select.poll()
        self._socket.close()
