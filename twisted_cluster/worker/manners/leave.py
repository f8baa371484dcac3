"""
Takes leave of all whom this worker serves.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Sequence
from weakref import WeakSet

from twisted.internet.interfaces import IReactorFDSet
from twisted.python.reflect import qual

from twisted_cluster.worker.manners.drains import Drains
from twisted_cluster.worker.manners.known import Silence, mannerOf
from twisted_cluster.worker.manners.layers import layersOf, polled, scanned
from twisted_cluster.worker.ports.connections import CountedServer, Manner
from twisted_cluster.worker.ports.register import Register

# Seconds, and how many times as long as the last look took, lest looking take all the
# time where there are many connections.
LOOK_EVERY = 0.04
REST = 10
SCAN_EVERY = 1.0


class LeaveTaking:
    """
    Nothing of it is there, and no connection costs anything for it, before the drain.
    """

    def __init__(
        self, reactor: IReactorFDSet, register: Register, drains: Drains
    ) -> None:
        """
        @param drains: Tells the application.
        """
        self._reactor = reactor
        self._register = register
        self._drains = drains
        self._hasBegun = False
        self._next = self._nextScan = 0.0
        self._unpolled: WeakSet[CountedServer] = WeakSet()

    def begin(self, services: Iterable[object]) -> None:
        """
        Tell the application's services, the factories that listen, and all connections.
        """
        self._hasBegun = True
        factories = [getattr(port, "factory", None) for port in self._register.all()]
        told: list[object] = []
        for one in (*services, *factories):
            if one is not None and not any(one is each for each in told):
                told.append(one)
                self._drains.tell(one)
        self.look()

    def look(self) -> None:
        """
        See to all connections: to those that have come since, too.
        """
        now = time.monotonic()
        if self._hasBegun and now >= self._next:
            for connection in self._connections(now):
                self._attend(connection, now)
            took = time.monotonic() - now
            self._next = now + max(LOOK_EVERY, REST * took)

    def _connections(self, now: float) -> Collection[CountedServer]:
        page = self._register.page
        found = polled(self._reactor)
        if len(found) < page.opened - page.closed and now >= self._nextScan:
            self._nextScan = now + SCAN_EVERY
            self._unpolled.update(set(scanned()) - found)
        return found.union(self._unpolled)

    def _attend(self, connection: CountedServer, now: float) -> None:
        layers = layersOf(connection)
        if not layers:
            return
        try:
            if connection.parting is None or connection.parting[0] is not layers[-1]:
                connection.parting = layers[-1], self._mannerOf(connection, layers, now)
            connection.parting[1].look(now)
        except BaseException:
            self._drains.complain(qual(type(layers[-1])))

    def _mannerOf(
        self, connection: CountedServer, layers: Sequence[object], now: float
    ) -> Manner:
        # Another protocol may have taken a connection over: h2, or a web socket. Then
        # the others have been told.
        news = layers if connection.parting is None else layers[-1:]
        told = [self._drains.tell(layer) for layer in news]
        return Silence() if any(told) else mannerOf(layers[-1], connection, now)
