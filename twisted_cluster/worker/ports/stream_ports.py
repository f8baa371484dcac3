"""
The stream ports that the cluster reactor makes: stock ones, whose sockets the primary
owns.
"""

from __future__ import annotations

import os
import socket
from functools import partial

from twisted.internet import tcp, unix
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IProtocolFactory
from twisted.python.failure import Failure

from twisted_cluster.core.messages import Listening
from twisted_cluster.events import TCP, UNIX, ListenOptions, ListenSpec
from twisted_cluster.talk.handles import startBound
from twisted_cluster.wire.hosts import numericOf, portOf, textOf
from twisted_cluster.worker.ports.connections import CountedUNIXServer
from twisted_cluster.worker.ports.delivered import DeliveredPort
from twisted_cluster.worker.ports.quick import serverKind
from twisted_cluster.worker.ports.register import HasRegister


class TCPPort(DeliveredPort):
    """
    What C{listenTCP} returns in a worker.
    """

    def __init__(
        self,
        port: int,
        factory: IProtocolFactory,
        backlog: int,
        interface: str,
        reactor: HasRegister,
        options: ListenOptions,
    ) -> None:
        super().__init__(port, factory, backlog, interface, reactor)
        # Not before: the application may have changed Twisted's own.
        self.transport = serverKind()
        self._configure(reactor.clusterPorts, options)

    def startListening(self) -> None:
        if self._isPrivate():
            self._listenAlone()
        else:
            self._listenTogether()
        self._sayListening()

    def _isPrivate(self) -> bool:
        options = self.options
        unnamed = not options.name and options.fd is None
        return options.local or (self.port == 0 and unnamed and self.reactor.running)

    def _listenTogether(self) -> None:
        self.spec = ListenSpec(
            TCP,
            self._boundTo(),
            portOf(self.port or 0),
            backlog=self.backlog,
            # Twisted before 26 has neither.
            reuseAddress=getattr(self, "_reuseAddress", True),
            reusePort=getattr(self, "_reusePort", False),
            ipv6Only=self.options.ipv6Only,
            name=self.options.name,
            fd=self.options.fd,
        )
        self._join(self.interface, self.spec.port)
        isIPv6 = self.addressFamily == socket.AF_INET6
        self._addressType = IPv6Address if isIPv6 else IPv4Address
        self._serve(super().startListening)

    def _boundTo(self) -> str:
        # Not by the primary, which waits for no resolver.
        try:
            return numericOf(self.interface)
        except OSError as error:
            raise CannotListenError(self.interface, self.port, error) from error

    def _sayListening(self) -> None:
        version = 6 if self.addressFamily == socket.AF_INET6 else 4
        port = self._realPortNumber or 0
        self._say(
            Listening(textOf(self.interface) or None, port, version, self.options.fd)
        )


class UNIXPort(DeliveredPort, unix.Port):
    """
    What C{listenUNIX} returns in a worker. The file and its lock are the primary's.
    """

    transport = CountedUNIXServer
    _alone = False

    def __init__(
        self,
        address: bytes,
        factory: IProtocolFactory,
        backlog: int,
        mode: int,
        reactor: HasRegister,
        wantPID: bool,
        options: ListenOptions,
    ) -> None:
        unix.Port.__init__(self, address, factory, backlog, mode, reactor, wantPID)
        self._configure(reactor.clusterPorts, options)

    def startListening(self) -> None:
        self._alone = self.options.exclusive
        if self._alone:
            self._listenAlone()
        else:
            self._listenTogether()
        self._sayListening()

    def _listenTogether(self) -> None:
        # Twisted before 26 has it as the port.
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
            fd=self.options.fd,
        )
        self._join(None, path)
        if self.spec.fd is not None:
            path = self._takeName()
        self._serve(partial(startBound, self, os.fsdecode(path)))

    def _takeName(self) -> str | bytes:
        assert self._preexistingSocket is not None, "the primary was not asked"
        name: str | bytes = self._preexistingSocket.getsockname()
        setattr(self, "_bindPath" if hasattr(self, "_bindPath") else "port", name)
        return name

    def _sayListening(self) -> None:
        path = os.fsdecode(self.socket.getsockname())
        absolute = path if path.startswith("\0") else os.path.abspath(path)
        self._say(Listening(absolute, -1, -1, self.options.fd))

    def connectionLost(self, reason: Failure) -> None:
        if self._alone:
            self._unsay()
            self.register.orphans.forget(self.socket)
            self.abandon()
            unix.Port.connectionLost(self, reason)
        else:
            super().connectionLost(reason)
