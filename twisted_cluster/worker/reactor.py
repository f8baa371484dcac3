"""
The cluster reactor: any posix reactor, whose ports the primary owns.
"""

from __future__ import annotations

import os
import resource
import signal
import socket
from time import monotonic_ns
from typing import Any

from twisted.application.reactors import installReactor
from twisted.internet.error import UnsupportedAddressFamily

from twisted_cluster.events import TCP, UDP, UNIX, ListenOptions
from twisted_cluster.wire.descriptors import takeAnnouncement
from twisted_cluster.worker.link import Link
from twisted_cluster.worker.ports.datagrams import UDPPort
from twisted_cluster.worker.ports.streams import (
    CountedServer,
    CountedUNIXServer,
    TCPPort,
    UNIXPort,
)

BEAT_EVERY = 50_000_000


class ClusterReactorMixin:
    """
    What a posix reactor does differently in a worker. Its listening calls also take
    what L{ListenOptions} has.
    """

    clusterLink: Link
    _nextBeat = 0

    def listenTCP(
        self,
        port: Any,
        factory: Any,
        backlog: int = 50,
        interface: str = "",
        **options: Any,
    ) -> TCPPort:
        asked = ListenOptions.forKind(TCP, options)
        return self._begin(TCPPort(port, factory, backlog, interface, self), asked)

    def listenUNIX(
        self,
        address: Any,
        factory: Any,
        backlog: int = 50,
        mode: int = 0o666,
        wantPID: bool = False,
        **options: Any,
    ) -> UNIXPort:
        asked = ListenOptions.forKind(UNIX, options)
        made = UNIXPort(address, factory, backlog, mode, self, wantPID)
        return self._begin(made, asked)

    def listenUDP(
        self,
        port: int,
        protocol: Any,
        interface: str = "",
        maxPacketSize: int = 8192,
        **options: Any,
    ) -> UDPPort:
        asked = ListenOptions.forKind(UDP, options)
        return self._begin(UDPPort(port, protocol, interface, maxPacketSize, self), asked)

    def _begin(self, port: Any, options: ListenOptions) -> Any:
        if options.ipv6Only and port.addressFamily != socket.AF_INET6:
            raise ValueError("ipv6Only is for ports with an IPv6 interface, such as '::'")
        port.link = self.clusterLink
        port.configure(options)
        port.startListening()
        return port

    def adoptStreamConnection(
        self, fileDescriptor: int, addressFamily: int, factory: Any
    ) -> Any:
        if addressFamily not in self._supportedAddressFamilies:  # type: ignore[attr-defined]
            raise UnsupportedAddressFamily(addressFamily)
        if addressFamily == socket.AF_UNIX:
            return CountedUNIXServer._fromConnectedSocket(fileDescriptor, factory, self)
        return CountedServer._fromConnectedSocket(
            fileDescriptor, addressFamily, factory, self
        )

    def getReaders(self) -> list[Any]:
        return super().getReaders() + self._hiddenPorts()  # type: ignore[misc,no-any-return]

    def removeAll(self) -> list[Any]:
        ports = self._hiddenPorts()
        for port in ports:
            port.stopReading()
        return super().removeAll() + ports  # type: ignore[misc,no-any-return]

    def _hiddenPorts(self) -> list[Any]:
        return [port for port in self.clusterLink.allPorts() if port.hidden]

    def timeout(self) -> float:
        # Asked once in every turn of the loop, so that every microsecond counts.
        asked = super().timeout()  # type: ignore[misc]
        now = monotonic_ns()
        if now >= self._nextBeat:
            self.clusterLink.beat(now, now - (self._nextBeat or now))
            self._nextBeat = now + BEAT_EVERY
        wait = (self._nextBeat - now) / 1e9
        return asked if asked is not None and asked < wait else wait

    def sigTerm(self, number: int, frame: Any = None) -> None:
        self.callFromThread(self.clusterLink.leave, number)  # type: ignore[attr-defined]


def clusterize(reactor: Any, link: Link) -> None:
    """
    Turn a reactor into a worker's.

    @param reactor: A stock one, which has not run yet.
    """
    base = reactor.__class__
    # Twisted's child processes import the reactor by the name of its class's module,
    # and its tests know reactors by the names of their classes.
    names = {"__module__": base.__module__, "__qualname__": base.__qualname__}
    reactor.__class__ = type(base.__name__, (ClusterReactorMixin, base), names)
    reactor.clusterLink = link
    link.attach(reactor)


def install() -> None:
    """
    Install the cluster reactor; what C{--reactor=cluster} does.

    @raise StartError: If this process is not a worker.
    """
    announcement = takeAnnouncement(os.environ)
    # Ctrl-C reaches the whole foreground group: the primary decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    reactor = installReactor(announcement.reactor)
    clusterize(reactor, Link.inherit(announcement))
