"""
Who is let in, where the number of connections is limited.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.logger import Logger

from twisted_cluster.core.addresses import addressOf
from twisted_cluster.core.complaints import Complaints
from twisted_cluster.events import SHED, WAIT, ConnectionFacts, Limits
from twisted_cluster.primary.door.farewells import UNAVAILABLE, Farewells, farewellOf
from twisted_cluster.wire.handoff import Handed
from twisted_cluster.wire.tallies import ADDRESSES, LISTENERS, Tally

if TYPE_CHECKING:
    from twisted_cluster.primary.ports.listener import Listener

log = Logger()
SECOND = 1_000_000_000


class Admission:
    """
    Knows how many connections there are of each kind that is limited.

    @ivar limits: The limits.
    @ivar tallies: Those of the workers that live.
    @ivar farewells: Who is told why it is not served.
    """

    def __init__(
        self, limits: Limits, nanoseconds: Callable[[], int], reactor: Any
    ) -> None:
        """
        @param nanoseconds: The monotonic clock.
        """
        self.limits = limits
        self.tallies: set[Tally] = set()
        self.farewells = Farewells(reactor)
        self._now = nanoseconds
        self._cells: dict[str, int] = {}
        cells = ADDRESSES if limits.address else 0
        self._free = list(range(LISTENERS, LISTENERS + cells))
        self._sweptAt = -SECOND
        self._complaints = Complaints(nanoseconds)

    def open(self, cell: int) -> int:
        """
        How many connections that count there are open.
        """
        return sum(tally.open(cell) for tally in self.tallies)

    def isFull(self, listener: Listener) -> bool:
        """
        Whether a listener has as many connections as it may.
        """
        if listener.most is None or listener.number >= LISTENERS:
            return False
        return self.open(listener.number) + listener.waiting >= listener.most

    def hasNobodyLeft(self, listener: Listener) -> bool:
        """
        Whether all who could serve a listener have as many connections as they may.
        """
        users = [w for w in listener.users.values() if w is not None and w.reachable]
        return bool(users) and all(worker.hasMost for worker in users)

    def isCrowded(self, listener: Listener, connection: Handed) -> bool:
        """
        Whether an address has as many connections as it may, with those that are looked
        at.
        """
        if self.limits.address is None or not isinstance(connection.name, tuple):
            return False
        address = addressOf(connection.name)
        cell = self._cells.get(address)
        looked = listener.peeker.pendingOf(address) if listener.peeker else 0
        open_ = 0 if cell is None else self.open(cell)
        return looked + open_ >= self.limits.address

    def mayWait(self, listener: Listener) -> bool:
        """
        Whether a connection may wait that nobody is to have just now, though others are
        served: not if too many do, nor for a worker that has as many as it may, where
        such are turned away.
        """
        if not listener.hasPlace:
            self.say(listener.facts.name, "too many wait: newer ones are closed")
            return False
        users = listener.users.values()
        isForAPlace = any(user is not None and user.hasMost for user in users)
        return self.limits.atLimit == WAIT or not isForAPlace

    def turnsAway(self, listener: Listener) -> bool:
        """
        Whether who comes now is accepted only to be closed.
        """
        isFull = self.isFull(listener) or self.hasNobodyLeft(listener)
        if isFull:
            what = f"has all the connections that it may have: {self.limits.atLimit}"
            self.say(listener.facts.name, what)
        return isFull and self.limits.atLimit != WAIT

    def turnAway(self, listener: Listener, connection: Handed) -> None:
        """
        Close a connection that is one too many.
        """
        if self.limits.atLimit != SHED:
            os.close(connection.fd)
            return
        facts = ConnectionFacts(listener.facts, connection.name)
        try:
            farewell = farewellOf(listener.policy, facts)
        except Exception:
            log.failure("policy {policy} has no farewell", policy=listener.policy)
            farewell = UNAVAILABLE
        self.farewells.say(connection.fd, farewell)

    def register(self, connection: Handed) -> Handed | None:
        """
        See where a connection counts.

        @return: The connection with its tally, or L{None} if its address has as many
            as it may.
        """
        if self.limits.address is None or not isinstance(connection.name, tuple):
            return connection
        cell = self._cellOf(addressOf(connection.name))
        if cell is None:
            self.say("addresses", "more addresses than can be counted: not limited")
            return connection
        if self.open(cell) >= self.limits.address:
            return None
        return connection._replace(tally=cell)

    def say(self, about: str, what: str) -> None:
        """
        Log something, at most once a minute.
        """
        if self._complaints.isDue(about):
            log.warn("{about}: {what}", about=about, what=what)

    def _cellOf(self, address: str) -> int | None:
        cell = self._cells.get(address)
        if cell is None:
            if not self._free:
                self._sweep()
            if self._free:
                cell = self._cells[address] = self._free.pop()
        return cell

    def _sweep(self) -> None:
        if self._now() - self._sweptAt < SECOND:
            return
        self._sweptAt = self._now()
        for address, cell in list(self._cells.items()):
            if self.open(cell) == 0:
                self._free.append(self._cells.pop(address))


def mostOf(limits: Limits, name: str) -> int | None:
    """
    @param name: A listener's. C{tcp:8080} also limits C{tcp:8080:interface=127.0.0.1}.
    """
    listeners = limits.listeners
    return listeners.get(name, listeners.get(name.partition(":interface=")[0]))
