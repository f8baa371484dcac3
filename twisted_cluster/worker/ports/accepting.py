"""
How a port serves who has come.
"""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet import tcp
from twisted.python import log

NUMERIC = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV


def serveSome(port: tcp.Port, most: int) -> None:
    """
    Do as L{tcp.Port.doRead}, with fewer calls. What fails once is tried once more; what
    fails again is left to the stock one.

    @param most: How many connections to serve at most.
    """
    accept, left = port.socket.accept, most
    try:
        while left:
            try:
                accepted, name = accept()
            except BlockingIOError:
                return
            except OSError:
                break
            left -= 1
            if len(name) == 4:
                name = _scoped(name)
            made = port.factory.buildProtocol  # type: ignore[union-attr]
            protocol = made(port._buildAddr(name))
            if protocol is None:
                accepted.close()
                continue
            number = port.sessionno
            port.sessionno = number + 1
            protocol.makeConnection(
                port.transport(accepted, protocol, name, port, number, port.reactor)
            )
    except BaseException:
        log.deferr()
        return
    if left:
        port.numberAccepts = left
        tcp.Port.doRead(port)


def _scoped(name: Any) -> tuple[Any, ...]:
    """
    @return: An IPv6 address as Twisted has it: with its scope, if it has one.
    """
    return (socket.getnameinfo(name, NUMERIC)[0], *name[1:])
