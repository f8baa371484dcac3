"""
The ports that the cluster reactor makes: stock ones, whose sockets the primary owns.
"""

from __future__ import annotations

import errno
import os
import socket
from collections import deque
from collections.abc import Sequence
from typing import Any

from twisted.internet import tcp, udp, unix
from twisted.internet.error import CannotListenError
from twisted.python import log

from twisted_cluster.events import TCP, UDP, UNIX, ListenSpec
from twisted_cluster.wire.handoff import Handed
from twisted_cluster.worker.link import Link


class DeliveredSocket(socket.socket):
    """
    A listening socket whose C{accept} gives what was handed over.
    """

    def __init__(self, fd: int, family: int) -> None:
        super().__init__(family, socket.SOCK_STREAM, 0, fd)
        self.handed: deque[Handed] = deque()
        self._name = super().getsockname()

    def accept(self) -> tuple[socket.socket, Any]:
        """
        @raise BlockingIOError: If nothing was handed over.
        """
        if not self.handed:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        connection = self.handed.popleft()
        accepted = socket.socket(self.family, socket.SOCK_STREAM, 0, connection.fd)
        return accepted, connection.name or _peerOf(accepted)

    def getsockname(self) -> Any:
        return self._name

    def release(self) -> None:
        """
        Let go of the listening socket, but stay an open socket.
        """
        with socket.socket(self.family, socket.SOCK_STREAM) as unbound:
            os.dup2(unbound.fileno(), self.fileno(), inheritable=False)


def _peerOf(accepted: socket.socket) -> Any:
    try:
        return accepted.getpeername()
    except OSError:
        return ""


class _Counted:
    """
    Counts itself on the scoreboard.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        link = self.server.link  # type: ignore[attr-defined]
        link.row.opened += 1

    def connectionLost(self, reason: Any) -> None:
        counts = hasattr(self, "socket")
        super().connectionLost(reason)  # type: ignore[misc]
        if counts:
            link = self.server.link  # type: ignore[attr-defined]
            link.row.closed += 1
            link.connectionClosed()


class CountedServer(_Counted, tcp.Server):
    """
    A TCP connection.
    """


class CountedUNIXServer(_Counted, unix.Server):
    """
    A UNIX connection.
    """


class DeliveredPort:
    """
    What a stream port does differently when the primary owns its socket.

    A port that the application opens on port 0 while the reactor runs is its own
    affair (FTP's passive mode): then nothing here differs from a stock port.

    @ivar number: The listener's, or L{None} if this port is not the cluster's.
    @ivar taking: Whether it takes connections now.
    """

    link: Link
    reactor: Any
    number: int | None = None
    taking = False
    _paused = False
    ordinal = 0
    spec: ListenSpec
    socket: Any

    def join(self, where: Any) -> None:
        """
        Have the primary listen.

        @raise CannotListenError: If it cannot.
        """
        try:
            self.number, self.ordinal, fd = self.link.listen(self.spec)
        except OSError as error:
            raise CannotListenError(*where, error) from error
        self.taking = self._paused = False
        self.link.ports[self.number] = self
        self._preexistingSocket = DeliveredSocket(
            fd,
            self.addressFamily,  # type: ignore[attr-defined]
        )

    def abandon(self) -> None:
        """
        Undo L{join}.
        """
        number, self.number = self.number, None
        if number is not None:
            self.link.unlisten(number)

    def deliver(self, connections: Sequence[Handed]) -> Sequence[Handed]:
        """
        Serve connections.

        @return: Those that the application did not want after all.
        """
        if not self.taking:
            return connections
        handed = self.socket.handed
        handed.extend(connections)
        while handed and self.taking:
            # As many as there are, so that accept() need not fail to say so.
            self.numberAccepts = len(handed)
            log.callWithLogger(self, self.doRead)  # type: ignore[attr-defined]
        left = list(handed)
        handed.clear()
        return left

    def release(self) -> None:
        """
        Let go of the listening socket: nobody connects any more.
        """
        if self.number is not None:
            self.socket.release()

    def startReading(self) -> None:
        if self.number is None:
            super().startReading()  # type: ignore[misc]
        elif not self.taking:
            self.taking = True
            if self._paused:
                self._paused = False
                self.link.pause(self.number, False)

    def stopReading(self) -> None:
        if self.number is None:
            super().stopReading()  # type: ignore[misc]
        elif self.taking:
            self.taking = False
            self._paused = True
            self.link.pause(self.number, True)


class TCPPort(DeliveredPort, tcp.Port):
    """
    What C{listenTCP} returns in a worker.
    """

    transport = CountedServer

    def startListening(self) -> None:
        if self.port == 0 and self.reactor.running:
            self.transport = tcp.Server
            super().startListening()
            return
        self.transport = CountedServer
        self.spec = ListenSpec(
            TCP,
            self.interface,
            self.port,
            backlog=self.backlog,
            reuseAddress=getattr(self, "_reuseAddress", True),
            reusePort=getattr(self, "_reusePort", False),
        )
        self.join((self.interface, self.port))
        try:
            super().startListening()
        except BaseException:
            self.abandon()
            raise

    def connectionLost(self, reason: Any) -> None:
        self.abandon()
        super().connectionLost(reason)


class UNIXPort(DeliveredPort, unix.Port):
    """
    What C{listenUNIX} returns in a worker. The file and its lock are the primary's.
    """

    transport = CountedUNIXServer

    def startListening(self) -> None:
        path = getattr(self, "_bindPath", self.port)
        tcp._reservedFD.reserve()
        # Where no socket can be made, a stock port says so as it would.
        try:
            self.createInternetSocket().close()
        except OSError as error:
            raise CannotListenError(None, path, error) from error
        self.spec = ListenSpec(
            UNIX,
            path=os.fsdecode(path),
            backlog=self.backlog,
            mode=self.mode,
            wantPID=bool(self.wantPID),
        )
        self.join((None, path))
        prefix = self._getLogPrefix(self.factory)
        log.msg(f"{prefix} starting on {os.fsdecode(path)!r}")
        self.factory.doStart()
        self.connected = True
        self.socket, self._preexistingSocket = self._preexistingSocket, None
        self._shouldShutdown = False
        self.fileno = self.socket.fileno
        self.numberAccepts = 100
        self.startReading()

    def connectionLost(self, reason: Any) -> None:
        self.abandon()
        tcp.Port.connectionLost(self, reason)


class UDPPort(udp.Port):
    """
    What C{listenUDP} returns in a worker: all workers read one socket.
    """

    link: Link
    number: int | None = None
    ordinal = 0

    def _bindSocket(self) -> None:
        if self.port == 0 and self.reactor.running:
            super()._bindSocket()
            return
        self.spec = ListenSpec(UDP, self.interface, self.port)
        try:
            self.number, self.ordinal, fd = self.link.listen(self.spec)
        except OSError as error:
            raise CannotListenError(self.interface, self.port, error) from error
        self.link.ports[self.number] = self
        self._preexistingSocket = socket.socket(
            self.addressFamily, socket.SOCK_DGRAM, 0, fd
        )
        super()._bindSocket()

    def release(self) -> None:
        """
        Take no more datagrams.
        """
        if self.number is not None:
            self.stopReading()

    def deliver(self, connections: Sequence[Handed]) -> Sequence[Handed]:
        return connections

    def connectionLost(self, reason: Any = None) -> None:
        number, self.number = self.number, None
        if number is not None:
            self.link.unlisten(number)
        super().connectionLost(reason)
