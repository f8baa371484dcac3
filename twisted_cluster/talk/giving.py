"""
What can be handed to another process along with a message.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable

from attrs import frozen
from twisted.internet import tcp, udp
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IPullProducer, ISSLTransport
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_cluster.errors import HandleError
from twisted_cluster.talk.handles import isListening

GIVABLE = (
    "a TCP or UNIX connection (its transport), a listening port, a UDP port, or a socket"
)
CLOSED = "the handle is closed: nothing can be sent"


def _nothing() -> None:
    """
    It stays as it is.
    """


@frozen
class Gift:
    """
    Something that is about to be handed to another process.

    @ivar fileno: Its descriptor.
    @ivar given: Called when it has been sent: lets go of it here.
    @ivar kept: Called when it could not be sent: goes on with it here.
    @ivar listener: The number of the primary's listener that it stands for; 0 if it is
        what it is.
    """

    fileno: int
    given: Callable[[], None] = _nothing
    kept: Callable[[], None] = _nothing
    listener: int = 0


def prepare(handle: object, keepOpen: bool) -> Deferred[Gift]:
    """
    Make ready to hand something over. A connection is read no more from now on, and what
    was written to it leaves first.

    @param handle: One of L{GIVABLE}.
    @param keepOpen: Whether this process keeps a connection too.
    @return: Fires when it is ready. Cancelled before, a connection goes on here.
    @raise HandleError: If it is something else, or closed.
    """
    if isinstance(handle, ssl.SSLSocket) or ISSLTransport.providedBy(handle):
        raise HandleError("a TLS connection cannot be sent: its keys are in this process")
    listener = getattr(getattr(handle, "socket", handle), "listener", 0)
    if listener:
        return succeed(Gift(-1, listener=listener))
    if isinstance(handle, socket.socket):
        if handle.fileno() < 0:
            raise HandleError(CLOSED)
        shared = keepOpen or handle.type == socket.SOCK_DGRAM or isListening(handle)
        return _ready(handle.fileno(), _nothing if shared else handle.close)
    if isinstance(handle, (tcp.Port, udp.Port)):
        if isinstance(handle, tcp.Port):
            # shutdown(2) would close it for everybody.
            handle._shouldShutdown = False
        return _ready(_filenoOf(handle), _nothing)
    if isinstance(handle, tcp.Connection):
        return _prepareConnection(handle, keepOpen)
    raise HandleError(f"{handle!r:.80} cannot be sent; what can is {GIVABLE}")


def _filenoOf(handle: tcp.Port | udp.Port | tcp.Connection) -> int:
    # A port or transport that is closed has no socket any more.
    holder = getattr(handle, "socket", None)
    return holder.fileno() if holder is not None else -1


def _ready(fileno: int, given: Callable[[], None]) -> Deferred[Gift]:
    if fileno < 0:
        raise HandleError(CLOSED)
    return succeed(Gift(fileno, given))


def _isOpen(transport: tcp.Connection) -> bool:
    return bool(transport.connected) and not (
        transport.disconnecting or transport._aborting
    )


def _prepareConnection(transport: tcp.Connection, keepOpen: bool) -> Deferred[Gift]:
    if _filenoOf(transport) < 0 or not _isOpen(transport):
        raise HandleError("the connection is closed: nothing can be sent")
    if isinstance(transport.producer, _Emptied):
        raise HandleError("the connection is being sent already: nothing can be sent")
    if transport.producer is not None:
        raise HandleError("a producer writes to the connection: unregister it first")
    transport.stopReading()
    return _Emptied(transport, keepOpen).ready


@implementer(IPullProducer)
class _Emptied:
    """
    @ivar ready: Fires when a transport has nothing left to write.
    """

    def __init__(self, transport: tcp.Connection, keepOpen: bool) -> None:
        self.ready: Deferred[Gift] = Deferred(lambda _: self._goOn())
        self._transport = transport
        self._keepOpen = keepOpen
        transport.registerProducer(self, False)

    def resumeProducing(self) -> None:
        """
        The transport says that it can take more.
        """
        transport = self._transport
        if self.ready.called or transport.dataBuffer or transport._tempDataBuffer:
            return
        given = self._goOn if self._keepOpen else self._letGo
        self.ready.callback(Gift(transport.fileno(), given, self._goOn))

    def stopProducing(self) -> None:
        """
        The connection has ended meanwhile.
        """
        if not self.ready.called:
            self.ready.errback(HandleError("the connection was closed meanwhile"))

    def _goOn(self) -> None:
        self._transport.unregisterProducer()
        if _isOpen(self._transport):
            self._transport.startReading()

    def _letGo(self) -> None:
        # shutdown(2) would end the connection for its new owner too.
        self._transport._shouldShutdown = False
        self._transport.connectionLost(Failure(ConnectionDone("handed over")))
