"""
What arrives with a message: a socket that another process has given away, or shares.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import TypeVar, Union

from attrs import define
from twisted.internet import tcp, unix
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.internet.protocol import AbstractDatagramProtocol
from twisted.python import log
from twisted.python.failure import Failure

from twisted_cluster.errors import HandleError
from twisted_cluster.reactors import IAdoptingReactor
from twisted_cluster.wire.closing import discard
from twisted_cluster.wire.limit import SHORT

Adopted = TypeVar("Adopted")


def startBound(port: unix.Port, path: str) -> None:
    """
    Do what C{unix.Port.startListening} does once its socket is bound, to a port that
    was given such a socket.
    """
    bound, factory = port._preexistingSocket, port.factory
    assert bound is not None, "the port was given no socket"
    assert factory is not None, "the port was given no factory"
    log.msg(f"{port._getLogPrefix(factory)} starting on {path!r}")
    factory.doStart()
    port.connected = True
    port.socket, port._preexistingSocket = bound, None
    port._shouldShutdown = False
    port.fileno = bound.fileno  # type: ignore[method-assign]
    port.numberAccepts = 100
    port.startReading()


class BoundUNIXPort(unix.Port):
    """
    A UNIX port whose file, its mode and its end are another process's affair: adopted
    as Twisted does it, it would be made writable for all, and unlinked at the end.
    """

    def __init__(
        self, bound: socket.socket, factory: IProtocolFactory, reactor: IAdoptingReactor
    ) -> None:
        super().__init__(bound.getsockname(), factory, reactor=reactor)
        self._preexistingSocket = bound

    def startListening(self) -> None:
        startBound(self, os.fsdecode(self._bindPath))

    def connectionLost(self, reason: Failure) -> None:
        tcp.Port.connectionLost(self, reason)


@define
class _Handle:
    """
    @ivar socket: The socket itself; L{close} it if nothing else is done with it.
    """

    _what = "port"
    socket: socket.socket
    _reactor: IAdoptingReactor

    def close(self) -> None:
        """
        Let go of it. Where others have it open too it stays open there.
        """
        self.socket.close()

    def _handOver(self, adopt: Callable[[], Adopted]) -> Adopted:
        """
        Have it adopted, and let go of it. Only what may be tried again keeps it open.

        @param adopt: Makes a copy of the socket.
        @raise HandleError: What the system says against it.
        """
        try:
            self.socket.setblocking(False)
            adopted = adopt()
        except OSError as error:
            if error.errno in SHORT:
                raise HandleError(f"it cannot be served now: {error}") from error
            self.socket.close()
            raise HandleError(f"the {self._what} is gone: {error}") from error
        except BaseException:
            self.socket.close()
            raise
        self.socket.close()
        return adopted

    def discard(self) -> None:
        """
        L{close} it for want of anybody who wants it: without waiting, however long it is
        to linger.
        """
        discard((self.socket.detach(),))


@define
class ConnectionHandle(_Handle):
    """
    A connection that another process has given away.

    @ivar unread: What that process had read of it already.
    """

    _what = "connection"
    unread: bytes = b""

    def adopt(self, factory: IProtocolFactory) -> tcp.Connection | None:
        """
        Serve it: the factory builds a protocol, which is given L{unread} first.

        @return: The transport, or L{None} if the factory built no protocol.
        @raise HandleError: If the peer is gone already, or this was closed; or if no
            descriptor is free just now, in which case it may be tried again.
        """
        transport = self._handOver(lambda: self._adopt(factory))
        if transport is not None and self.unread and transport.connected:
            _feed(transport, self.unread)
        return transport

    def _adopt(self, factory: IProtocolFactory) -> tcp.Connection | None:
        given = self.socket
        return self._reactor.adoptStreamConnection(given.fileno(), given.family, factory)


def _feed(transport: tcp.Connection, data: bytes) -> None:
    """
    As a reactor does: what a protocol raises ends its connection, and nothing else.
    """
    try:
        transport.protocol.dataReceived(data)
    except BaseException:
        log.err(None, "a protocol failed with what was read before")
        transport.connectionLost(Failure())


@define
class ListeningHandle(_Handle):
    """
    A listening socket that another process shares.
    """

    def listen(self, factory: IProtocolFactory) -> IListeningPort:
        """
        Accept connections from it here, beside whoever else does.

        @raise HandleError: If this was closed, or is listened on already; or if no
            descriptor is free just now, in which case it may be tried again.
        """
        isUNIX = self.socket.family == socket.AF_UNIX
        listen = self._listenUNIX if isUNIX else self._listen
        return self._handOver(lambda: listen(factory))

    def _listen(self, factory: IProtocolFactory) -> IListeningPort:
        given = self.socket
        return self._reactor.adoptStreamPort(given.fileno(), given.family, factory)

    def _listenUNIX(self, factory: IProtocolFactory) -> IListeningPort:
        copy = self.socket.dup()
        try:
            port = BoundUNIXPort(copy, factory, self._reactor)
            port.startListening()
        except BaseException:
            copy.close()
            raise
        return port


@define
class JoiningHandle(ListeningHandle):
    """
    One that only the primary has: who listens is handed its connections.
    """

    _join: Callable[[IProtocolFactory], IListeningPort]

    def listen(self, factory: IProtocolFactory) -> IListeningPort:
        return self._handOver(lambda: self._joinedBy(factory))

    def _joinedBy(self, factory: IProtocolFactory) -> IListeningPort:
        try:
            return self._join(factory)
        except CannotListenError as error:
            raise HandleError(f"it cannot be listened on: {error}") from error


@define
class DatagramHandle(_Handle):
    """
    A bound UDP socket that another process shares.
    """

    def listen(self, protocol: AbstractDatagramProtocol) -> IListeningPort:
        """
        Read datagrams from it here, beside whoever else does.

        @raise HandleError: As of a L{ListeningHandle}.
        """
        return self._handOver(lambda: self._listen(protocol))

    def _listen(self, protocol: AbstractDatagramProtocol) -> IListeningPort:
        given = self.socket
        return self._reactor.adoptDatagramPort(given.fileno(), given.family, protocol)


Handle = Union[ConnectionHandle, ListeningHandle, DatagramHandle]


def received(fd: int, unread: bytes, reactor: IAdoptingReactor) -> Handle:
    """
    @param fd: What came with a message; the result owns it.
    @raise HandleError: If it is nothing of the kind that can be sent.
    """
    try:
        found = socket.socket(fileno=fd)
    except OSError as error:
        discard((fd,))
        raise HandleError(f"a descriptor that is no socket: {error}") from None
    try:
        if found.type == socket.SOCK_DGRAM:
            return DatagramHandle(found, reactor)
        if isListening(found):
            return ListeningHandle(found, reactor)
    except OSError as error:
        discard((found.detach(),))
        raise HandleError(f"a socket that cannot be sent: {error}") from None
    return ConnectionHandle(found, reactor, unread)


def isListening(found: socket.socket) -> bool:
    """
    Whether connections can be accepted from a socket.
    """
    return bool(found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
