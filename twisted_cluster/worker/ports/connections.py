"""
Connections that count themselves.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Protocol, cast

from twisted.internet import tcp, unix
from twisted.internet.interfaces import IProtocol, IReactorFDSet, IReactorThreads
from twisted.python.failure import Failure

from twisted_cluster.wire.page import CLOSED, OPENED
from twisted_cluster.worker.ports.limits import LimitedPort
from twisted_cluster.worker.ports.register import Register


class Manner(Protocol):
    """
    How a connection is taken leave of.
    """

    def look(self, now: float) -> None:
        """
        Do what can be done now; called again and again as long as it is open.

        @param now: Monotonic seconds.
        """


class CountedServer(tcp.Server):
    """
    A TCP connection, which counts itself on the worker's page, and on the port that it
    came by, if by one. Who lets go of it, to serve the socket in another process, need
    not say that: it counts as ended when nobody has it any more.

    @ivar parting: In a drain, the innermost protocol, and how it takes leave.
    """

    _counts = False
    parting: tuple[object, Manner] | None = None

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
        register: Register = reactor.clusterPorts  # type: ignore[attr-defined]
        self._register = register
        # Its own property would cost two calls: 0.2 us.
        register.page.cells[OPENED] += 1
        self._counts = True
        if isinstance(server, LimitedPort):
            server.active += 1

    def connectionLost(self, reason: Failure) -> None:
        super().connectionLost(reason)
        if self._counts:
            self._counts = False
            _countEnd(self._register, self.server)

    def __del__(self) -> None:
        if self._counts:
            # Rubbish is collected in any thread, and in the midst of anything.
            with suppress(Exception):
                later = cast(IReactorThreads, self.reactor).callFromThread
                later(_countEnd, self._register, self.server)


def _countEnd(register: Register, port: object) -> None:
    register.page.cells[CLOSED] += 1
    if isinstance(port, LimitedPort):
        port.active -= 1
        if port.closings is not None:
            port.closings.add()
        if port._most is not None:
            port.limitChanged()
    if register.most is not None:
        register.limitChanged()
    for ended in register.ended:
        ended()


class CountedUNIXServer(CountedServer, unix.Server):
    """
    A UNIX connection.
    """
