"""
How many connections there are, of whom, and how many there may be.

The primary counts what it hands over, the worker what it has ended; nobody sends a
message.
"""

from __future__ import annotations

from typing import Protocol

from attrs import define

from twisted_cluster.core.lies import ofEnded
from twisted_cluster.events import Limits

ALL = 0
# Listeners have the numbers from 1, addresses those from here: more ports than that are
# seldom, and are not limited.
LISTENERS = 64
# 128 KiB of cells for each worker; more addresses at a time are not limited.
ADDRESSES = 16384
SECOND = 1_000_000_000
# More connections than any worker can serve in a second.
MOST_A_SECOND = 100_000


class Countable(Protocol):
    """
    What counts: a connection that is handed over.
    """

    @property
    def listener(self) -> int:
        """
        The number of the listener that it came in by.
        """

    @property
    def tally(self) -> int:
        """
        The cell of its address; 0 if that is not counted.
        """


class Counts(Protocol):
    """
    Some numbers.
    """

    def __getitem__(self, index: int, /) -> int: ...


class Ends(Protocol):
    """
    A worker's page.
    """

    @property
    def ended(self) -> Counts:
        """
        How many connections the worker has ended, by what they count as.
        """

    @property
    def accepted(self) -> int:
        """
        How many it has accepted itself.
        """

    def acceptedBy(self, listener: int) -> int:
        """
        How many of a listener's.
        """


def cellsOf(connection: Countable) -> list[int]:
    """
    The cells that a connection is counted in.
    """
    cells = [ALL]
    if connection.listener < LISTENERS:
        cells.append(connection.listener)
    if connection.tally:
        cells.append(connection.tally)
    return cells


def plausible(count: int, age: float) -> int:
    """
    @param count: How many connections a worker says that it has served.
    @param age: How long it has been there, in seconds.
    @return: No more than it can have: sums of all workers outlive it.
    """
    return min(count, int(MOST_A_SECOND * (1 + age)))


def talliesFor(limits: Limits) -> int:
    """
    How many cells each worker needs.
    """
    if not limits.any:
        return 0
    return LISTENERS + (ADDRESSES if limits.address else 0)


def mostOf(limits: Limits, name: str) -> int | None:
    """
    @param name: A listener's. C{tcp:8080} also limits C{tcp:8080:interface=127.0.0.1}.
    """
    listeners = limits.listeners
    return listeners.get(name, listeners.get(name.partition(":interface=")[0]))


@define
class Credit:
    """
    What a worker lets one listener give it; both numbers only count what bears the
    mark of it, since the worker first said so.

    @ivar willing: How many it will have been handed, in all; L{None} is any number.
    @ivar handed: How many it has been.
    """

    willing: int | None
    handed: int = 0

    @property
    def isSpent(self) -> bool:
        return self.willing is not None and self.handed >= self.willing


class Tally:
    """
    What one worker has been handed and has not ended.

    @ivar most: How many connections it may have; L{None} is any number.
    @ivar accepts: Whether it accepts any itself.
    """

    accepts = False

    def __init__(self, page: Ends, most: int | None) -> None:
        """
        @param page: The worker's.
        """
        self.most = most
        self._page = page
        self._handed: dict[int, int] = {}

    def add(self, connection: Countable) -> None:
        """
        A connection is handed over.
        """
        self._count(connection, 1)

    def remove(self, connection: Countable) -> None:
        """
        It was not, after all.
        """
        self._count(connection, -1)

    def open(self, cell: int) -> int:
        """
        How many connections that count there are open.
        """
        come = self._handed.get(cell, 0) + self._accepted(cell)
        return max(0, come - self._page.ended[cell]) if come else 0

    def _accepted(self, cell: int) -> int:
        if not self.accepts:
            return 0
        # Addresses are not counted where workers accept themselves.
        if cell == ALL:
            return self._page.accepted
        return self._page.acceptedBy(cell) if cell < LISTENERS else 0

    @property
    def isFull(self) -> bool:
        """
        Whether the worker has as many as it may.
        """
        return self.most is not None and self.open(ALL) >= self.most

    @property
    def lie(self) -> str:
        """
        What the worker says that cannot be so; C{""}: nothing.
        """
        # In this order: it may accept more meanwhile, and end that.
        ended = self._page.ended[ALL]
        return ofEnded(ended, self._handed.get(ALL, 0) + self._accepted(ALL))

    def _count(self, connection: Countable, change: int) -> None:
        for cell in cellsOf(connection):
            self._handed[cell] = self._handed.get(cell, 0) + change


class Places:
    """
    Knows how many connections there are of each kind that is limited.

    @ivar limits: The limits.
    @ivar tallies: Those of the workers that live, by the workers' ids.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.tallies: dict[int, Tally] = {}
        self._cells: dict[str, int] = {}
        cells = ADDRESSES if limits.address else 0
        self._free = list(range(LISTENERS, LISTENERS + cells))
        self._sweptAt = -SECOND

    def open(self, cell: int) -> int:
        """
        How many connections that count there are open.
        """
        return sum(tally.open(cell) for tally in self.tallies.values())

    def isFull(self, listener: int, most: int | None, waiting: int) -> bool:
        """
        Whether a listener has as many connections as it may.

        @param waiting: How many it has that nobody has been handed.
        """
        if most is None or listener >= LISTENERS:
            return False
        return self.open(listener) + waiting >= most

    def isCrowded(self, address: str, waiting: int) -> bool:
        """
        Whether an address has as many connections as it may.

        @param waiting: How many it has that nobody has been handed.
        """
        if self.limits.address is None:
            return False
        cell = self._cells.get(address)
        open_ = 0 if cell is None else self.open(cell)
        return waiting + open_ >= self.limits.address

    def cellOf(self, address: str, now: int) -> int | None:
        """
        Where the connections of an address count.

        @param now: Monotonic nanoseconds.
        @return: L{None} if there are more addresses than can be counted.
        """
        cell = self._cells.get(address)
        if cell is None:
            if not self._free:
                self._sweep(now)
            if self._free:
                cell = self._cells[address] = self._free.pop()
        return cell

    def _sweep(self, now: int) -> None:
        # All cells of all workers are read for it: not for each of a flood's addresses.
        if now - self._sweptAt < SECOND:
            return
        self._sweptAt = now
        for address, cell in list(self._cells.items()):
            if self.open(cell) == 0:
                self._free.append(self._cells.pop(address))
