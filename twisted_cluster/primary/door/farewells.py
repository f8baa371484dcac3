"""
Says good-bye to who is not served.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from twisted_cluster.core.complaints import Complaints
from twisted_cluster.events import SHED, ConnectionFacts
from twisted_cluster.interfaces import (
    LONGEST_FAREWELL,
    IFarewellPolicy,
    ISchedulingPolicy,
)
from twisted_cluster.primary.ports.listener import Listener
from twisted_cluster.reactors import IPollingReactor
from twisted_cluster.wire.borrowed import Borrowed, Unasked
from twisted_cluster.wire.closing import discard
from twisted_cluster.wire.edges import Edges
from twisted_cluster.wire.handed import SEEN, Handed
from twisted_cluster.wire.handoff import letGo
from twisted_cluster.wire.limit import shareOf
from twisted_cluster.wire.reader import Reader

log = Logger()
# So many may linger at a time, and no more than a quarter of the descriptors: who is one
# more is told, and must be quick to read it.
MOST_LINGERING = 256
# A round trip to anywhere, and another one for what was lost.
LINGER = 1.0
# At once; what is read is thrown away.
CHUNK = 65536
UNAVAILABLE = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\n"
    b"Content-Length: 17\r\nRetry-After: 1\r\nConnection: close\r\n\r\nTry again later.\n"
)


class _Leaving(NamedTuple):
    connection: Handed
    call: IDelayedCall


class Farewells:
    """
    Closes connections that nobody serves. Where they are told why, waits a second for
    the peer to have read it: a socket closed with something unread would take the
    farewell back.
    """

    def __init__(
        self, reactor: IPollingReactor, atLimit: str, complaints: Complaints
    ) -> None:
        """
        @param atLimit: As in L{Limits}.
        """
        self._reactor = reactor
        self._complaints = complaints
        self._isTold = atLimit == SHED
        self._most = mostLingering()
        self._leaving: dict[int, _Leaving] = {}
        self._edges: Edges | None = None

    def turnAway(self, listener: Listener, connection: Handed) -> None:
        """
        Close a connection that is one too many.
        """
        if not self._isTold:
            letGo(connection)
            return
        facts = ConnectionFacts(listener.facts, connection.name)
        try:
            farewell = _farewellOf(listener.policy, facts)
        except BaseException:
            if self._complaints.isDue("farewells"):
                log.failure("policy {policy} has no farewell", policy=listener.policy)
            farewell = UNAVAILABLE
        if connection.flags & SEEN:
            # Another process may have it still, and may lock it.
            discard((connection.fd,), partial(_sayLast, farewell))
        else:
            self.say(connection, farewell)

    def say(self, connection: Handed, farewell: bytes) -> None:
        """
        Send a farewell, and close the connection, now or soon.
        """
        fd = connection.fd
        try:
            with Borrowed(fd) as lent:
                _send(lent, farewell)
            if len(self._leaving) >= self._most:
                raise OSError(f"{self._most} linger already")
            self._watch(fd)
        except OSError:
            letGo(connection)
        else:
            call = self._reactor.callLater(LINGER, self._end, fd)
            self._leaving[fd] = _Leaving(connection, call)

    def _watch(self, fd: int) -> None:
        """
        @raise OSError: If the system has no room for it.
        """
        if self._edges is None:
            self._edges = Edges()
            self._reader = Reader(
                self._reactor, self._edges.fileno, self._readNews, "farewells"
            )
            self._reader.start()
        self._edges.add(fd)

    def _readNews(self) -> None:
        assert self._edges is not None
        for fd, ended in self._edges.news():
            if fd in self._leaving and (ended or not self._mayStay(fd)):
                self._leaving[fd].call.cancel()
                self._end(fd)

    def _mayStay(self, fd: int) -> bool:
        with Borrowed(fd) as lent:
            return _drain(lent)

    def _end(self, fd: int) -> None:
        assert self._edges is not None
        connection = self._leaving.pop(fd).connection
        with suppress(OSError):
            self._edges.remove(fd)
        letGo(connection)

    def close(self) -> None:
        """
        Wait for nobody any longer.
        """
        for fd, leaving in list(self._leaving.items()):
            leaving.call.cancel()
            self._end(fd)
        if self._edges is not None:
            self._reader.stop()
            self._edges.close()
            self._edges = None


def mostLingering() -> int:
    """
    How many connections may linger at a time.
    """
    return shareOf(4, MOST_LINGERING)


def _farewellOf(policy: ISchedulingPolicy, connection: ConnectionFacts) -> bytes:
    """
    @return: What a policy has to say, or an HTTP 503.
    """
    if not IFarewellPolicy.providedBy(policy):
        return UNAVAILABLE
    said: Any = policy
    return bytes(said.farewell(connection))[:LONGEST_FAREWELL]


def _sayLast(farewell: bytes, fd: int) -> Sequence[int]:
    """
    Send a farewell by a connection that is closed next.

    @return: Nothing that is to be closed besides.
    @raise OSError: If it is broken.
    """
    with Unasked(fd) as lent:
        _send(lent, farewell)
    return ()


def _send(lent: socket.socket, farewell: bytes) -> None:
    """
    @raise OSError: If it is broken.
    """
    lent.setblocking(False)
    _drain(lent)
    lent.send(farewell)
    lent.shutdown(socket.SHUT_WR)


def _drain(lent: socket.socket) -> bool:
    """
    Read what has come, and forget it. Not of a UNIX socket: there descriptors may have
    come along, which take as long to close as their sender likes.

    @return: Whether more can come.
    """
    if lent.family == socket.AF_UNIX:
        return True
    try:
        return bool(lent.recv(CHUNK, socket.MSG_DONTWAIT))
    except BlockingIOError:
        return True
    except OSError:
        return False
