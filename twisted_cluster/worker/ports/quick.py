"""
Connections that are made with fewer calls than Twisted's own.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from twisted.internet import tcp
from twisted.internet.address import IPv6Address
from twisted.internet.interfaces import IProtocol, IReactorFDSet
from twisted.internet.protocol import Protocol

from twisted_cluster.worker.ports.connections import CountedServer


class QuickServer(tcp.Server):
    """
    A TCP connection that comes to be in one call, where Twisted's takes seven.
    """

    def __init__(
        self,
        sock: socket.socket,
        protocol: IProtocol,
        client: tuple[Any, ...],
        server: tcp.Port | None,
        sessionno: int,
        reactor: IReactorFDSet,
    ) -> None:
        self.reactor = reactor
        self._tempDataBuffer: list[bytes] = []
        self._tempDataLen = 0
        self.socket = sock
        sock.setblocking(False)
        self.fileno = sock.fileno
        self.protocol = protocol
        if len(client) != 2:
            self._addressType = IPv6Address
        self.server = server  # type: ignore[assignment]
        self.client = client
        self.sessionno = sessionno
        self.hostname = client[0]
        self.logstr = f"{self._getLogPrefix(protocol)},{sessionno},{client[0]}"
        # Who was accepted elsewhere has none.
        if server is not None:
            kind = protocol.__class__.__name__
            self.repstr = f"<{kind} #{sessionno} on {server._realPortNumber}>"
        self.startReading()  # type: ignore[no-untyped-call]
        self.connected = 1


class QuickCountedServer(CountedServer, QuickServer):
    """
    The same, which counts itself.
    """


class _Told:
    """
    A socket, a reactor and a port, which remember what they are told.
    """

    _realPortNumber = 1

    def __init__(self) -> None:
        self.heard: list[object] = []

    def setblocking(self, isBlocking: bool) -> None:
        self.heard.append(bool(isBlocking))

    def addReader(self, reader: tcp.Server) -> None:
        self.heard.append((dict(vars(reader)), reader.connected))

    def fileno(self) -> int:
        return -1


def isAlike(one: Callable[..., tcp.Server], other: Callable[..., tcp.Server]) -> bool:
    """
    Whether connections of two kinds come to be in the same way.
    """
    protocol = Protocol()
    told = _Told()
    for client, port in (
        (("192.0.2.1", 1), told),
        (("2001:db8::1", 1, 0, 0), told),
        # Accepted elsewhere.
        (("192.0.2.1", 1), None),
    ):
        made = []
        for kind in (one, other):
            told.heard = []
            connection = kind(told, protocol, client, port, 3, told)
            made.append((vars(connection), told.heard))
        if made[0] != made[1]:
            return False
    return True


def serverKind() -> type[CountedServer]:
    """
    @return: The class of TCP connections: the quick one, unless this Twisted's own have
        more to them than is known here.
    """
    try:
        isQuick = isAlike(tcp.Server, QuickServer)
    except Exception:
        isQuick = False
    return QuickCountedServer if isQuick else CountedServer
