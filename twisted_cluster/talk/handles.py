"""
What can be handed to another process beside a message, and what arrives of it.
"""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Callable
from typing import Any, Union

from attrs import define, frozen
from twisted.internet import tcp, udp, unix
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IPullProducer, ISSLTransport
from twisted.python import log
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_cluster.errors import HandleError

GIVABLE = (
    "a TCP or UNIX connection (its transport), a listening port, a UDP port, or a socket"
)


def startBound(port: Any, path: str) -> None:
    """
    Do what C{unix.Port.startListening} does once its socket is bound, to a port that
    was given such a socket.
    """
    log.msg(f"{port._getLogPrefix(port.factory)} starting on {path!r}")
    port.factory.doStart()
    port.connected = True
    port.socket, port._preexistingSocket = port._preexistingSocket, None
    port._shouldShutdown = False
    port.fileno = port.socket.fileno
    port.numberAccepts = 100
    port.startReading()


class BoundUNIXPort(unix.Port):
    """
    A UNIX port whose file, its mode and its end are another process's affair: adopted
    as Twisted does it, it would be made writable for all, and unlinked at the end.
    """

    def __init__(self, bound: socket.socket, factory: Any, reactor: Any) -> None:
        super().__init__(bound.getsockname(), factory, reactor=reactor)
        self._preexistingSocket = bound

    def startListening(self) -> None:
        startBound(self, os.fsdecode(self._bindPath))

    def connectionLost(self, reason: Any) -> None:
        tcp.Port.connectionLost(self, reason)


@define
class _Handle:
    """
    @ivar socket: The socket itself; L{close} it if nothing else is done with it.
    """

    socket: socket.socket
    _reactor: Any

    def close(self) -> None:
        """
        Let go of it. Where others have it open too it stays open there.
        """
        self.socket.close()


@define
class ConnectionHandle(_Handle):
    """
    A connection that another process has given away.

    @ivar unread: What that process had read of it already.
    """

    unread: bytes = b""

    def adopt(self, factory: Any) -> Any:
        """
        Serve it: the factory builds a protocol, which is given L{unread} first.

        @param factory: An L{IProtocolFactory}.
        @return: The transport, or L{None} if the factory built no protocol.
        @raise HandleError: If the peer is gone already, or this was closed.
        """
        family = self.socket.family
        try:
            self.socket.setblocking(False)
            transport = self._reactor.adoptStreamConnection(
                self.socket.fileno(), family, factory
            )
        except OSError as error:
            raise HandleError(f"the connection is gone: {error}") from None
        finally:
            self.socket.close()
        if transport is not None and self.unread and transport.connected:
            transport.protocol.dataReceived(self.unread)
        return transport


@define
class ListeningHandle(_Handle):
    """
    A listening socket that another process shares.
    """

    def listen(self, factory: Any) -> Any:
        """
        Accept connections from it here, beside whoever else does.

        @return: An L{IListeningPort}.
        """
        self.socket.setblocking(False)
        family = self.socket.family
        if family == socket.AF_UNIX:
            port = BoundUNIXPort(self.socket, factory, self._reactor)
            port.startListening()
            return port
        try:
            return self._reactor.adoptStreamPort(self.socket.fileno(), family, factory)
        finally:
            self.socket.close()


@define
class DatagramHandle(_Handle):
    """
    A bound UDP socket that another process shares.
    """

    def listen(self, protocol: Any) -> Any:
        """
        Read datagrams from it here, beside whoever else does.

        @return: An L{IListeningPort}.
        """
        self.socket.setblocking(False)
        try:
            return self._reactor.adoptDatagramPort(
                self.socket.fileno(), self.socket.family, protocol
            )
        finally:
            self.socket.close()


Handle = Union[ConnectionHandle, ListeningHandle, DatagramHandle]


def received(fd: int, unread: bytes, reactor: Any) -> Handle:
    """
    @param fd: What came with a message; the result owns it.
    @raise HandleError: If it is nothing of the kind that can be sent.
    """
    try:
        found = socket.socket(fileno=fd)
    except OSError as error:
        os.close(fd)
        raise HandleError(f"a descriptor that is no socket: {error}") from None
    if found.type == socket.SOCK_DGRAM:
        return DatagramHandle(found, reactor)
    if _isListening(found):
        return ListeningHandle(found, reactor)
    return ConnectionHandle(found, reactor, unread)


def _isListening(found: socket.socket) -> bool:
    return bool(found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))


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
    """

    fileno: int
    given: Callable[[], None] = _nothing
    kept: Callable[[], None] = _nothing


def prepare(handle: Any, keepOpen: bool) -> Deferred[Gift]:
    """
    Make ready to hand something over. A connection is read no more from now on, and what
    was written to it leaves first.

    @param handle: One of L{GIVABLE}.
    @param keepOpen: Whether this process keeps a connection too.
    @raise HandleError: If it is something else, or closed.
    """
    if isinstance(handle, ssl.SSLSocket) or ISSLTransport.providedBy(handle):
        raise HandleError("a TLS connection cannot be sent: its keys are in this process")
    if isinstance(handle, socket.socket):
        shared = keepOpen or handle.type == socket.SOCK_DGRAM or _isShared(handle)
        return _ready(handle.fileno(), _nothing if shared else handle.close)
    if isinstance(handle, (tcp.Port, udp.Port)):
        if isinstance(handle, tcp.Port):
            # shutdown(2) would close it for everybody.
            handle._shouldShutdown = False
        return _ready(_filenoOf(handle), _nothing)
    if isinstance(handle, tcp.Connection):
        return _prepareConnection(handle, keepOpen)
    raise HandleError(f"{handle!r:.80} cannot be sent; what can is {GIVABLE}")


def _isShared(handle: socket.socket) -> bool:
    return handle.fileno() >= 0 and _isListening(handle)


def _filenoOf(handle: Any) -> int:
    # A port or transport that is closed has no socket any more.
    holder = getattr(handle, "socket", None)
    return holder.fileno() if holder is not None else -1


def _ready(fileno: int, given: Callable[[], None]) -> Deferred[Gift]:
    if fileno < 0:
        raise HandleError("the handle is closed: nothing can be sent")
    done: Deferred[Gift] = Deferred()
    done.callback(Gift(fileno, given))
    return done


def _isOpen(transport: Any) -> bool:
    return transport.connected and not (transport.disconnecting or transport._aborting)


def _prepareConnection(transport: Any, keepOpen: bool) -> Deferred[Gift]:
    if _filenoOf(transport) < 0 or not _isOpen(transport):
        raise HandleError("the connection is closed: nothing can be sent")
    if isinstance(transport.producer, _Emptied):
        raise HandleError("the connection is being sent already: nothing can be sent")
    if transport.producer is not None:
        raise HandleError("a producer writes to the connection: unregister it first")
    transport.stopReading()
    ready: Deferred[Gift] = Deferred()
    _Emptied(transport, ready, keepOpen)
    return ready


@implementer(IPullProducer)
class _Emptied:
    """
    Fires when a transport has nothing left to write.
    """

    def __init__(self, transport: Any, ready: Deferred[Gift], keepOpen: bool) -> None:
        self._transport = transport
        self._ready = ready
        self._keepOpen = keepOpen
        transport.registerProducer(self, False)

    def resumeProducing(self) -> None:
        """
        The transport says that it can take more.
        """
        transport = self._transport
        if self._ready.called or transport.dataBuffer or transport._tempDataBuffer:
            return
        given = self._goOn if self._keepOpen else self._letGo
        self._ready.callback(Gift(transport.fileno(), given, self._goOn))

    def stopProducing(self) -> None:
        """
        The connection has ended meanwhile.
        """
        if not self._ready.called:
            self._ready.errback(HandleError("the connection was closed meanwhile"))

    def _goOn(self) -> None:
        self._transport.unregisterProducer()
        if _isOpen(self._transport):
            self._transport.startReading()

    def _letGo(self) -> None:
        # shutdown(2) would end the connection for its new owner too.
        self._transport._shouldShutdown = False
        self._transport.connectionLost(Failure(ConnectionDone("handed over")))
