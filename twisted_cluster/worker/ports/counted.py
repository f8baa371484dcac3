"""
Counts the ends of connections, where their number is limited.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from contextlib import suppress

from twisted_cluster.core.counting import cellsOf
from twisted_cluster.wire.handed import Handed
from twisted_cluster.wire.page import Page


class Endings:
    """
    What this worker has ended of what it was handed.

    @ivar counts: Whether anybody looks.
    """

    def __init__(
        self,
        page: Page,
        counted: Callable[[], None],
        callFromThread: Callable[..., object],
    ) -> None:
        """
        @param counted: Called after each.
        @param callFromThread: Calls what it is given in the reactor's thread.
        """
        self._callFromThread = callFromThread
        self.counts = len(page.ended) > 0
        self._page = page
        self._counted = counted

    def count(self, connection: Handed) -> None:
        """
        A connection is no longer this worker's.
        """
        if not self.counts:
            return
        ended = self._page.ended
        for cell in cellsOf(connection):
            if cell < len(ended):
                ended[cell] += 1
        self._counted()

    def countLater(self, connection: Handed) -> None:
        """
        The same, from any thread, and in the midst of anything.
        """
        with suppress(Exception):
            self._callFromThread(self.count, connection)

    def lose(self, connection: Handed) -> None:
        """
        Close a connection that is not served.
        """
        os.close(connection.fd)
        self.count(connection)


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

    def __del__(self) -> None:
        # Of a connection for which no protocol could be built nothing is closed. This
        # takes the place of what the socket's own class would do.
        connection = self._takeUncounted()
        self.close()
        if connection is not None:
            self._endings.countLater(connection)

    def _count(self) -> None:
        connection = self._takeUncounted()
        if connection is not None:
            self._endings.count(connection)

    def _takeUncounted(self) -> Handed | None:
        connection, self._toCount = self._toCount, None
        return connection
