"""
The UDP port that the cluster reactor makes: a stock one, whose socket the primary owns.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any, cast

from twisted.internet import udp
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import AbstractDatagramProtocol
from twisted.python import log
from twisted.python.failure import Failure

from twisted_cluster.core.messages import GROUP, Listening
from twisted_cluster.events import UDP, ListenOptions, ListenSpec
from twisted_cluster.reactors import IClusterReactor
from twisted_cluster.wire.closings import Closings
from twisted_cluster.wire.handed import RELAYED, Handed
from twisted_cluster.wire.hosts import portOf, textOf
from twisted_cluster.wire.relayed import RelayedSocket, relayed
from twisted_cluster.worker.ports.announced import AnnouncedPort
from twisted_cluster.worker.ports.orphans import stopPolling
from twisted_cluster.worker.ports.register import HasRegister
from twisted_cluster.worker.ports.sockets import AnySocket, PortSocket

# 256 KB each, the most that a turn reads: more than a socket's buffer holds.
ROUNDS = 4
DONTWAIT = int(socket.MSG_DONTWAIT)


class DatagramSocket(PortSocket):
    """
    One that never waits, although other workers, which have it too, let it block.
    """

    def recvfrom(self, size: int, flags: int = 0) -> tuple[bytes, Any]:
        return super().recvfrom(size, flags | DONTWAIT)

    def sendto(self, data: bytes, *where: Any) -> int:  # type: ignore[override]
        *flags, address = where
        return super().sendto(data, sum(flags) | DONTWAIT, address)

    def send(self, data: bytes, flags: int = 0) -> int:  # type: ignore[override]
        return super().send(data, flags | DONTWAIT)


class UDPPort(AnnouncedPort, udp.Port):
    """
    What C{listenUDP} returns in a worker: this one has a socket of its own in the
    port's group, or all workers read one socket.

    @ivar register: The ports of this worker.
    @ivar hidden: Whether it reads, as far as the application can tell, but does not.
    """

    number: int | None = None
    ordinal = 0
    closings: Closings | None = None
    hidden = False
    _hasItsOwn = False
    spec: ListenSpec
    socket: PortSocket
    reactor: IClusterReactor
    # Twisted's class says None where it means None or a socket.
    _preexistingSocket: AnySocket | None = None  # type: ignore[assignment]

    def __init__(
        self,
        port: int,
        protocol: AbstractDatagramProtocol,
        interface: str,
        maxPacketSize: int,
        reactor: HasRegister,
        options: ListenOptions,
    ) -> None:
        super().__init__(port, protocol, interface, maxPacketSize, reactor)
        self.register = reactor.clusterPorts
        self.options = options

    def startListening(self) -> None:
        super().startListening()
        if self.number is None and not self.options.local:
            # A client's: there may be one for each question that it asks.
            return
        isIPv6 = self.addressFamily == socket.AF_INET6
        kind = "udp6" if isIPv6 else "udp4"
        port = self._realPortNumber or 0
        self._say(Listening(textOf(self.interface) or None, port, kind, -1))

    def _isPrivate(self) -> bool:
        options = self.options
        unnamed = not options.name and options.fd is None
        return options.local or (self.port == 0 and unnamed and self.reactor.running)

    def _bindSocket(self) -> None:
        self.hidden = self._hasItsOwn = False
        if self._isPrivate():
            super()._bindSocket()
            self.register.alone.add(self)
            if self.options.local:
                self.register.orphans.hold(self.socket)
            return
        self._join()
        super()._bindSocket()

    def _join(self) -> None:
        self.spec = ListenSpec(
            UDP,
            textOf(self.interface),
            portOf(self.port),
            ipv6Only=self.options.ipv6Only,
            name=self.options.name,
            fd=self.options.fd,
        )
        try:
            joined = self.register.listen(self.spec)
        except OSError as error:
            raise CannotListenError(self.interface, self.port, error) from error
        assert joined.fd is not None, "whoever reads datagrams has the socket"
        self.number, self.ordinal = joined.number, joined.ordinal
        self._hasItsOwn = joined.mode == GROUP
        self.register.served[joined.number] = self
        self._preexistingSocket = made = DatagramSocket(joined.fd)
        self.addressFamily = made.family
        self.register.orphans.hold(made)

    def createInternetSocket(self) -> AnySocket:
        made = super().createInternetSocket()
        if self.options.reusePort:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if self.options.ipv6Only:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        return DatagramSocket(made.detach())

    def limitChanged(self) -> None:
        """
        Datagrams are not limited.
        """

    def stopReading(self) -> None:
        self.hidden = False
        stopPolling(super().stopReading, self)

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
            try:
                log.callWithLogger(self, self._empty, connection)
            finally:
                self.register.endings.lose(connection)
        return ()

    def _empty(self, left: Handed) -> None:
        own = self.socket
        if left.flags & RELAYED:
            self.socket = cast(PortSocket, RelayedSocket(own, relayed(left.fd)))
        else:
            self.socket = DatagramSocket(left.fd)
        try:
            for _ in range(ROUNDS):
                self.doRead()
        finally:
            if not left.flags & RELAYED:
                self.socket.detach()
            self.socket = own

    def connectionLost(self, reason: Failure | None = None) -> None:
        self._unsay()
        self.register.alone.discard(self)
        self.register.orphans.forget(self.socket)
        number, self.number = self.number, None
        if number is not None:
            # First, so that who takes what is left in this socket misses nothing, and
            # the address is free when the primary has closed it.
            self.stopReading()
            self.socket.letGo()
            self.register.leave(number)
        super().connectionLost(reason)
