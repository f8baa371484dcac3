"""
Connections that count themselves.
"""

from __future__ import annotations

import socket

from twisted.internet import tcp, unix
from twisted.internet.interfaces import IProtocol, IReactorFDSet
from twisted.python.failure import Failure

from twisted_cluster.worker.ports.limits import LimitedPort
from twisted_cluster.worker.ports.register import Register


class CountedServer(tcp.Server):
    """
    A TCP connection, which counts itself on the worker's page, and on the port that it
    came by, if by one.
    """

    def __init__(
        self,
        sock: socket.socket,
        protocol: IProtocol,
        client: tuple[object, ...],
        server: tcp.Port,
        sessionno: int,
        reactor: IReactorFDSet,
    ) -> None:
        super().__init__(sock, protocol, client, server, sessionno, reactor)
        # Twisted knows no reactor that has it.
        self._register: Register = reactor.clusterPorts  # type: ignore[attr-defined]
        self._register.page.opened += 1
        if isinstance(server, LimitedPort):
            server.active += 1

    def connectionLost(self, reason: Failure) -> None:
        counts = hasattr(self, "socket")
        super().connectionLost(reason)
        if counts:
            self._register.page.closed += 1
            port = self.server
            if isinstance(port, LimitedPort):
                port.active -= 1
                if port.maxConnections is not None:
                    port.limitChanged()
            for ended in self._register.ended:
                ended()


class CountedUNIXServer(CountedServer, unix.Server):
    """
    A UNIX connection.
    """
