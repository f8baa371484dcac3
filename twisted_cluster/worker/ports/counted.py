"""
Counts the ends of connections, where their number is limited.
"""

from __future__ import annotations

import socket
from collections.abc import Callable

from twisted_cluster.wire.handoff import Handed
from twisted_cluster.wire.tallies import cellsOf


class Endings:
    """
    What this worker has ended of what it was handed.
    """

    def __init__(self, ended: memoryview[int], counted: Callable[[], None]) -> None:
        """
        @param ended: This worker's cells.
        @param counted: Called after each.
        """
        self._ended = ended
        self._counted = counted

    def count(self, connection: Handed) -> None:
        """
        A connection is no longer this worker's.
        """
        for cell in cellsOf(connection):
            if cell < len(self._ended):
                self._ended[cell] += 1
        self._counted()


class CountedSocket(socket.socket):
    """
    A connection's socket, whose end counts, whoever ends it.
    """

    _toCount: Handed | None = None
    _endings: Endings

    def countWith(self, endings: Endings, connection: Handed) -> None:
        """
        Have its end counted.
        """
        self._endings, self._toCount = endings, connection

    def close(self) -> None:
        super().close()
        self._count()

    def detach(self) -> int:
        self._count()
        return super().detach()

    def _count(self) -> None:
        connection, self._toCount = self._toCount, None
        if connection is not None:
            self._endings.count(connection)
