"""
Who is connected to the control socket.
"""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IProtocolFactory
from twisted.internet.tcp import Connection
from twisted.logger import Logger

from twisted_cluster.admin.peers import Peer, peerOf
from twisted_cluster.core.complaints import Complaints
from twisted_cluster.reactors import IWireReactor
from twisted_cluster.wire.reader import Reader

log = Logger()

MOST = 32
# In one turn, so that who has come can be heard before others take its place.
MOST_ACCEPTED = 8
# Who has been answered reads that within milliseconds.
FLUSH = 1.0
BROKEN = {errno.ECONNABORTED, errno.EPERM, errno.EPROTO, errno.EINTR}


class Channel(Protocol):
    """
    One connection's protocol.

    @ivar peer: Who is there.
    @ivar isBusy: Whether it waits for an answer.
    @ivar lost: Called when it is closed.
    """

    peer: Peer | None
    isBusy: bool
    lost: Callable[[Channel], object]
    transport: Connection

    def loseConnection(self) -> object:
        """
        Close it, once all that was written is sent.
        """


class Connections:
    """
    Accepts, lets in whom it may, and as many as it may.
    """

    def __init__(
        self,
        reactor: IWireReactor,
        listening: socket.socket,
        factory: IProtocolFactory,
    ) -> None:
        """
        @param factory: Makes L{Channel}s.
        """
        self._reactor = reactor
        self._socket = listening
        self._factory = factory
        self._channels: list[Channel] = []
        self._strangers = Complaints(time.monotonic_ns)
        self._reader = Reader(
            reactor, listening.fileno, self._accept, "the control socket"
        )
        self._closed: Deferred[None] | None = None
        self._flushing: IDelayedCall | None = None

    def start(self) -> None:
        """
        Accept connections.
        """
        self._reader.start()

    def close(self) -> Deferred[None]:
        """
        Accept no more, and close what is idle.

        @return: Fires when all are closed: who is busy has a moment to be answered.
        """
        self._reader.stop()
        closed = self._closed = Deferred()
        for channel in list(self._channels):
            channel.loseConnection()
        self._flushing = self._reactor.callLater(FLUSH, self._abortAll)
        self._checkClosed()
        return closed

    def _accept(self) -> None:
        for _ in range(MOST_ACCEPTED):
            try:
                connection, _name = self._socket.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in BROKEN:
                    continue
                raise
            with connection:
                self._receive(connection)

    def _receive(self, connection: socket.socket) -> None:
        try:
            peer = peerOf(connection)
        except OSError:
            return
        if peer is not None and not peer.mayControl:
            if self._strangers.isDue():
                log.warn("control socket: {peer} is none of its users: closed", peer=peer)
            return
        if len(self._channels) >= MOST and not self._makeRoom():
            return
        connection.setblocking(False)
        transport = self._reactor.adoptStreamConnection(
            connection.fileno(), socket.AF_UNIX, self._factory
        )
        if transport is not None:
            self._enter(cast(Channel, transport.protocol), peer)

    def _enter(self, channel: Channel, peer: Peer | None) -> None:
        channel.peer, channel.lost = peer, self._lost
        self._channels.append(channel)

    def _makeRoom(self) -> bool:
        """
        Close the one that has been idle, and there, for longest.

        @return: Whether there was one.
        """
        idle = next((one for one in self._channels if not one.isBusy), None)
        if idle is None:
            return False
        self._channels.remove(idle)
        idle.transport.abortConnection()
        return True

    def _lost(self, channel: Channel) -> None:
        with suppress(ValueError):
            self._channels.remove(channel)
        self._checkClosed()

    def _abortAll(self) -> None:
        self._flushing = None
        for channel in list(self._channels):
            channel.transport.abortConnection()
        self._channels.clear()
        self._checkClosed()

    def _checkClosed(self) -> None:
        if self._closed is None or self._channels:
            return
        if self._flushing is not None:
            self._flushing.cancel()
            self._flushing = None
        closed, self._closed = self._closed, None
        closed.callback(None)
