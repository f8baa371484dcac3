"""
What a worker's reactor opens: ports that it has together with other workers.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, TypeVar

from twisted.internet.error import UnsupportedAddressFamily
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.internet.posixbase import PosixReactorBase
from twisted.internet.protocol import AbstractDatagramProtocol

from twisted_cluster.events import TCP, UDP, UNIX, GivenOptions, ListenOptions
from twisted_cluster.worker.ports.connections import CountedServer, CountedUNIXServer
from twisted_cluster.worker.ports.datagrams import UDPPort
from twisted_cluster.worker.ports.delivered import DeliveredPort
from twisted_cluster.worker.ports.held import joinPort
from twisted_cluster.worker.ports.register import Register
from twisted_cluster.worker.ports.stream_ports import TCPPort, UNIXPort

if TYPE_CHECKING:
    from typing_extensions import Unpack

AnyPort = TypeVar("AnyPort", TCPPort, UNIXPort, UDPPort)


class OpeningMixin(PosixReactorBase):
    """
    What a posix reactor does differently where it opens ports, or is given sockets. Its
    listening calls also take what L{ListenOptions} has.
    """

    clusterPorts: Register

    def listenTCP(
        self,
        port: int,
        factory: IProtocolFactory,
        backlog: int = 50,
        interface: str = "",
        **options: Unpack[GivenOptions],
    ) -> TCPPort:
        asked = ListenOptions.forKind(TCP, options)
        made = TCPPort(port, factory, backlog, interface, self, asked)
        return self._begin(made, asked)

    def listenUNIX(
        self,
        address: bytes,
        factory: IProtocolFactory,
        backlog: int = 50,
        mode: int = 0o666,
        wantPID: bool = False,
        **options: Unpack[GivenOptions],
    ) -> UNIXPort:
        asked = ListenOptions.forKind(UNIX, options)
        made = UNIXPort(address, factory, backlog, mode, self, wantPID, asked)
        return self._begin(made, asked)

    def listenUDP(
        self,
        port: int,
        protocol: AbstractDatagramProtocol,
        interface: str = "",
        maxPacketSize: int = 8192,
        **options: Unpack[GivenOptions],
    ) -> UDPPort:
        asked = ListenOptions.forKind(UDP, options)
        made = UDPPort(port, protocol, interface, maxPacketSize, self, asked)
        return self._begin(made, asked)

    def _begin(self, port: AnyPort, options: ListenOptions) -> AnyPort:
        if options.ipv6Only and port.addressFamily != socket.AF_INET6:
            raise ValueError("ipv6Only is for ports with an IPv6 interface, such as '::'")
        port.startListening()
        return port

    def adoptStreamPort(
        self, fileDescriptor: int, addressFamily: int, factory: IProtocolFactory
    ) -> IListeningPort:
        number = self.clusterPorts.given.numberOf(fileDescriptor)
        if number is not None and addressFamily in self._supportedAddressFamilies:
            return self._joinGiven(number, addressFamily, factory)
        for port in self.clusterPorts.served.values():
            standIn = port.standIn if isinstance(port, DeliveredPort) else None
            if standIn is not None and standIn.isAt(fileDescriptor):
                return joinPort(self, standIn.facts, standIn.listener, factory)
        made: IListeningPort = super().adoptStreamPort(
            fileDescriptor, addressFamily, factory
        )
        return made

    def _joinGiven(
        self, number: int, addressFamily: int, factory: IProtocolFactory
    ) -> IListeningPort:
        if addressFamily == socket.AF_UNIX:
            return self.listenUNIX(b"", factory, fd=number)
        made = self.listenTCP(0, factory, fd=number)
        made.interface = made.getHost().host
        return made

    def adoptDatagramPort(
        self,
        fileDescriptor: int,
        addressFamily: int,
        protocol: AbstractDatagramProtocol,
        maxPacketSize: int = 8192,
    ) -> IListeningPort:
        number = self.clusterPorts.given.numberOf(fileDescriptor)
        if number is not None and addressFamily != socket.AF_UNIX:
            made = self.listenUDP(0, protocol, "", maxPacketSize, fd=number)
            made.interface = made.getHost().host
            return made
        alone: IListeningPort = super().adoptDatagramPort(
            fileDescriptor, addressFamily, protocol, maxPacketSize
        )
        return alone

    def adoptStreamConnection(
        self,
        fileDescriptor: int,
        addressFamily: int,
        factory: IProtocolFactory,
    ) -> CountedServer | None:
        if addressFamily not in self._supportedAddressFamilies:
            raise UnsupportedAddressFamily(addressFamily)
        made: CountedServer | None
        if addressFamily == socket.AF_UNIX:
            made = CountedUNIXServer._fromConnectedSocket(fileDescriptor, factory, self)
        else:
            made = CountedServer._fromConnectedSocket(
                fileDescriptor, addressFamily, factory, self
            )
        return made
