"""
First bytes for policies that ask for them, without taking any.
"""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

from attrs import define
from twisted.internet.interfaces import IDelayedCall

from twisted_cluster.core.addresses import addressOf
from twisted_cluster.events import Look
from twisted_cluster.reactors import IPollingReactor
from twisted_cluster.wire.borrowed import Borrowed, Unasked
from twisted_cluster.wire.edges import Edges
from twisted_cluster.wire.handed import Handed
from twisted_cluster.wire.handoff import letGo
from twisted_cluster.wire.limit import shareOf
from twisted_cluster.wire.reader import Reader

# Who sends its bytes in more pieces than this is chosen for with what there is.
MOST_PIECES = 256
_PEEK = int(socket.MSG_PEEK) | int(socket.MSG_DONTWAIT)


def peek(fd: int, limit: int, lend: type[Borrowed | Unasked] = Borrowed) -> bytes:
    """
    @param lend: L{Unasked} for what another process may have.
    @return: What a socket has to read, and still has afterwards; at most C{limit} bytes.
        Nothing if there is nothing, or the connection is broken, or is no socket: who
        knows what a worker sends back.
    """
    try:
        with lend(fd) as lent:
            return lent.recv(limit, _PEEK)
    except OSError:
        return b""


@define
class _Awaited:
    connection: Handed
    until: int
    pieces: int = 0


class Peeker:
    """
    Keeps a listener's connections until the policy has seen enough of them, or waited
    enough.
    """

    def __init__(
        self,
        reactor: IPollingReactor,
        look: Look,
        enough: Callable[[bytes], bool],
        decide: Callable[[Handed, bytes], None],
        decided: Callable[[], None],
        nanoseconds: Callable[[], int],
    ) -> None:
        """
        @param enough: Whether the policy can choose.
        @param decide: Called with a connection and its first bytes.
        @param decided: Called at the end of a turn in which it may have been; L{take} is
            part of its caller's.
        @param nanoseconds: The monotonic clock.
        """
        self._reactor = reactor
        self._look = look
        # Those that have been looked at may wait as well, and take half.
        self._most = shareOf(4, look.pending)
        self._enough = enough
        self._decide = decide
        self._decided = decided
        self._now = nanoseconds
        self._awaited: dict[int, _Awaited] = {}
        self._addresses: Counter[str] = Counter()
        self._timer: IDelayedCall | None = None
        self._edges = Edges()
        self._reader = Reader(reactor, self._edges.fileno, self._readNews, "first bytes")
        self._reader.start()

    @property
    def pending(self) -> int:
        """
        How many connections are waited for.
        """
        return len(self._awaited)

    def pendingOf(self, address: str) -> int:
        """
        How many connections of an address are waited for.
        """
        return self._addresses[address]

    def _count(self, connection: Handed, change: int) -> None:
        if isinstance(connection.name, tuple):
            address = addressOf(connection.name)
            self._addresses[address] += change
            if not self._addresses[address]:
                del self._addresses[address]

    def take(self, connection: Handed) -> None:
        """
        Decide about a connection, now or later.
        """
        first = peek(connection.fd, self._look.limit)
        if first and self._isEnough(first):
            self._decide(connection, first)
            return
        if len(self._awaited) >= self._most:
            self._settle(next(iter(self._awaited)))
        try:
            self._edges.add(connection.fd)
        except OSError:
            self._decide(connection, first)
            return
        until = self._now() + int(self._look.deadline * 1e9)
        self._awaited[connection.fd] = _Awaited(connection, until)
        self._count(connection, 1)
        self._expireLater(self._now())

    def _readNews(self) -> None:
        try:
            self._readAll()
        finally:
            self._decided()

    def _readAll(self) -> None:
        for fd, ended in self._edges.news():
            # An earlier decision of this turn may have closed it.
            awaited = self._awaited.get(fd)
            if awaited is None:
                continue
            awaited.pieces += 1
            first = peek(fd, self._look.limit)
            enough = bool(first) and self._isEnough(first)
            if enough or ended or awaited.pieces >= MOST_PIECES:
                self._settle(fd, first)

    def _isEnough(self, first: bytes) -> bool:
        if len(first) >= self._look.limit:
            return True
        try:
            return self._enough(first)
        except BaseException:
            # It will choose with what there is, and fail again, which is told.
            return True

    def _settle(self, fd: int, first: bytes | None = None) -> None:
        connection = self._awaited.pop(fd).connection
        with suppress(OSError):
            self._edges.remove(fd)
        self._count(connection, -1)
        if first is None:
            first = peek(fd, self._look.limit)
        self._decide(connection, first)

    def _expire(self) -> None:
        self._timer = None
        now = self._now()
        try:
            while self._awaited:
                fd, oldest = next(iter(self._awaited.items()))
                if oldest.until > now:
                    break
                self._settle(fd)
        finally:
            self._expireLater(now)
            self._decided()

    def _expireLater(self, now: int) -> None:
        if self._awaited and self._timer is None:
            oldest = next(iter(self._awaited.values()))
            wait = max(0, oldest.until - now) / 1e9
            self._timer = self._reactor.callLater(wait, self._expire)

    def settleAll(self) -> None:
        """
        Decide about all that are waited for.
        """
        for fd in list(self._awaited):
            self._settle(fd)
        self._decided()

    def close(self) -> None:
        """
        Close all that are waited for.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._reader.stop()
        for awaited in self._awaited.values():
            letGo(awaited.connection)
        self._awaited.clear()
        self._addresses.clear()
        self._edges.close()
