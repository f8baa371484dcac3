"""
Says good-bye to who is not served.
"""

from __future__ import annotations

import os
import socket
from typing import Any

from twisted_cluster.events import ConnectionFacts
from twisted_cluster.interfaces import IFarewellPolicy, ISchedulingPolicy
from twisted_cluster.wire.borrowed import Borrowed
from twisted_cluster.wire.edges import Edges
from twisted_cluster.wire.reader import Reader

MOST = 256
LINGER = 1.0
LONGEST = 4096
CHUNK = 65536
UNAVAILABLE = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\n"
    b"Content-Length: 17\r\nRetry-After: 1\r\nConnection: close\r\n\r\nTry again later.\n"
)


def farewellOf(policy: ISchedulingPolicy, connection: ConnectionFacts) -> bytes:
    """
    @return: What a policy has to say, or an HTTP 503.
    """
    if not IFarewellPolicy.providedBy(policy):
        return UNAVAILABLE
    said: Any = policy
    return bytes(said.farewell(connection))[:LONGEST]


class Farewells:
    """
    Sends a farewell, and waits a second for the peer to have read it: a socket closed
    with something unread would take the farewell back.
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._leaving: dict[int, Any] = {}
        self._edges: Edges | None = None

    def say(self, fd: int, farewell: bytes) -> None:
        """
        Send a farewell, and close the connection, now or soon.
        """
        if not self._send(fd, farewell) or len(self._leaving) >= MOST:
            os.close(fd)
            return
        if self._edges is None:
            self._edges = Edges()
            self._reader = Reader(self._edges.fileno, self._readNews)
            self._reactor.addReader(self._reader)
        try:
            self._edges.add(fd)
        except OSError:
            os.close(fd)
            return
        self._leaving[fd] = self._reactor.callLater(LINGER, self._end, fd)

    def _send(self, fd: int, farewell: bytes) -> bool:
        with Borrowed(fd) as lent:
            try:
                lent.setblocking(False)
                _drain(lent)
                lent.send(farewell)
                lent.shutdown(socket.SHUT_WR)
            except OSError:
                return False
        return True

    def _readNews(self) -> None:
        assert self._edges is not None
        for fd, ended in self._edges.news():
            if fd in self._leaving and (ended or not self._mayStay(fd)):
                self._leaving[fd].cancel()
                self._end(fd)

    def _mayStay(self, fd: int) -> bool:
        with Borrowed(fd) as lent:
            return _drain(lent)

    def _end(self, fd: int) -> None:
        assert self._edges is not None
        del self._leaving[fd]
        self._edges.remove(fd)
        os.close(fd)

    def close(self) -> None:
        """
        Wait for nobody any longer.
        """
        for fd, call in list(self._leaving.items()):
            call.cancel()
            self._end(fd)
        if self._edges is not None:
            self._reactor.removeReader(self._reader)
            self._edges.close()
            self._edges = None


def _drain(lent: socket.socket) -> bool:
    """
    Read what has come, and forget it.

    @return: Whether more can come.
    """
    try:
        return bool(lent.recv(CHUNK, socket.MSG_DONTWAIT))
    except BlockingIOError:
        return True
    except OSError:
        return False
