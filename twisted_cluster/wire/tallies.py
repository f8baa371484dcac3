"""
What a connection counts as, where there are limits: cells of each worker's page.

The primary counts what it hands over, the worker what has ended; nobody sends a message.
"""

from __future__ import annotations

from twisted_cluster.events import Limits
from twisted_cluster.wire.handoff import Handed
from twisted_cluster.wire.page import Page

ALL = 0
# Listeners have the numbers from 1, addresses those from here.
LISTENERS = 64
ADDRESSES = 16384


def cellsOf(connection: Handed) -> list[int]:
    """
    The cells that a connection is counted in.
    """
    cells = [ALL]
    if connection.listener < LISTENERS:
        cells.append(connection.listener)
    if connection.tally:
        cells.append(connection.tally)
    return cells


class Tally:
    """
    What one worker has been handed and has not ended.

    @ivar most: How many connections it may have; L{None} is any number.
    """

    def __init__(self, page: Page, most: int | None) -> None:
        """
        @param page: The worker's.
        """
        self.most = most
        self._page = page
        self._handed: dict[int, int] = {}

    def add(self, connection: Handed) -> None:
        """
        A connection is handed over.
        """
        self._count(connection, 1)

    def remove(self, connection: Handed) -> None:
        """
        It was not, after all.
        """
        self._count(connection, -1)

    def open(self, cell: int) -> int:
        """
        How many connections that count there are open.
        """
        handed = self._handed.get(cell, 0)
        return max(0, handed - self._page.ended[cell]) if handed else 0

    @property
    def isFull(self) -> bool:
        """
        Whether the worker has as many as it may.
        """
        return self.most is not None and self.open(ALL) >= self.most

    def _count(self, connection: Handed, change: int) -> None:
        for cell in cellsOf(connection):
            self._handed[cell] = self._handed.get(cell, 0) + change


def talliesFor(limits: Limits) -> int:
    """
    How many cells each worker needs.
    """
    if not limits.any:
        return 0
    return LISTENERS + (ADDRESSES if limits.address else 0)
