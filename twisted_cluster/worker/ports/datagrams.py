"""
The UDP port that the cluster reactor makes: a stock one, whose socket the primary owns.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any

from twisted.internet import udp
from twisted.internet.error import CannotListenError
from twisted.python import log

from twisted_cluster.core.messages import GROUP, Listening
from twisted_cluster.events import UDP, ListenOptions, ListenSpec
from twisted_cluster.wire.handoff import Handed
from twisted_cluster.worker.link import Link
from twisted_cluster.worker.ports.sockets import PortSocket

ROUNDS = 4


class UDPPort(udp.Port):
    """
    What C{listenUDP} returns in a worker: this one has a socket of its own in the
    port's group, or all workers read one socket.

    @ivar hidden: Whether it reads, as far as the application can tell, but does not.
    """

    link: Link
    options = ListenOptions()
    number: int | None = None
    ordinal = 0
    hidden = False
    _hasItsOwn = False
    spec: ListenSpec

    def configure(self, options: ListenOptions) -> None:
        """
        Take what the application asked for, before it listens.
        """
        self.options = options

    def startListening(self) -> None:
        super().startListening()
        if self.number is None and not self.options.local:
            # A client's: there may be one for each question that it asks.
            return
        isIPv6 = self.addressFamily == socket.AF_INET6
        self.link.sayListening(
            Listening(
                self.interface or None,
                self._realPortNumber,
                "udp6" if isIPv6 else "udp4",
                -1,
            )
        )

    def _isPrivate(self) -> bool:
        options = self.options
        unnamed = not options.name and options.fd is None
        return options.local or (self.port == 0 and unnamed and self.reactor.running)

    def _bindSocket(self) -> None:
        self.hidden = self._hasItsOwn = False
        if self._isPrivate():
            super()._bindSocket()
            self.link.alone.add(self)
            return
        self.spec = ListenSpec(
            UDP,
            self.interface,
            self.port,
            ipv6Only=self.options.ipv6Only,
            name=self.options.name,
            fd=self.options.fd,
        )
        try:
            joined = self.link.listen(self.spec)
        except OSError as error:
            raise CannotListenError(self.interface, self.port, error) from error
        self.number, self.ordinal = joined.number, joined.ordinal
        self._hasItsOwn = joined.mode == GROUP
        self.link.ports[self.number] = self
        self._preexistingSocket = PortSocket(fileno=joined.fd)
        self.addressFamily = self._preexistingSocket.family
        super()._bindSocket()

    def createInternetSocket(self) -> socket.socket:
        made = super().createInternetSocket()
        if self.options.reusePort:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if self.options.ipv6Only:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        return PortSocket(fileno=made.detach())

    def stopReading(self) -> None:
        self.hidden = False
        super().stopReading()

    def release(self) -> None:
        """
        Take no more datagrams, unless nobody else can have what is sent to this socket.
        """
        isPrivate = self.number is None and not self.options.local
        if not self.connected or self._hasItsOwn or isPrivate:
            return
        self.stopReading()
        self.hidden = True
        if self.number is None:
            self.socket.release()

    def deliver(self, connections: Sequence[Handed]) -> Sequence[Handed]:
        """
        Take what is left in the sockets of workers that no longer listen.
        """
        for connection in connections:
            with socket.socket(fileno=connection.fd) as left:
                log.callWithLogger(self, self._empty, left)
            if self.link.intake.endings is not None:
                self.link.intake.endings.count(connection)
        return ()

    def _empty(self, left: socket.socket) -> None:
        own, self.socket = self.socket, left
        try:
            for _ in range(ROUNDS):
                self.doRead()
        finally:
            self.socket = own

    def connectionLost(self, reason: Any = None) -> None:
        self.link.alone.discard(self)
        number, self.number = self.number, None
        if number is not None:
            # First, so that who takes what is left in this socket misses nothing.
            self.stopReading()
            self.socket.release()
            self.link.unlisten(number)
        super().connectionLost(reason)
