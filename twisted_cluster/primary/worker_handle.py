"""
One worker's load and queue, as the dispatcher sees them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from zope.interface import implementer

from twisted_cluster.interfaces import IWorkerLoad
from twisted_cluster.wire.handoff import Handed, HandoffQueue, packRecord, send
from twisted_cluster.wire.scoreboard import Row

if TYPE_CHECKING:
    from twisted_cluster.primary.listeners import Listener

WINDOW = 32
RESERVE = 64
STALE = 250_000_000


@implementer(IWorkerLoad)
class WorkerHandle:
    """
    What a policy sees of a worker, and what the dispatcher does with it.

    @ivar number: The slot, from 1.
    @ivar open: Whether it may be offered anything at all.
    @ivar fresh: Whether its heartbeat was recent, and it has descriptors left, when
        last looked at.
    @ivar full: Whether it has L{WINDOW} connections that it has not taken.
    """

    def __init__(self, number: int, row: Row, queue: HandoffQueue) -> None:
        self.number = number
        self.row = row
        self.queue = queue
        self.open = True
        self.fresh = False
        self.full = False
        self._sent = 0
        self._credit = WINDOW
        self._batch: list[tuple[Listener, Handed]] = []

    @property
    def offerable(self) -> bool:
        return self.open and self.fresh and not self.full

    @property
    def active(self) -> int:
        return max(0, self.row.opened - self.row.closed)

    @property
    def queued(self) -> int:
        return max(0, self._sent - self.row.taken)

    @property
    def lag(self) -> float:
        return self.row.lag / 1e9

    def isAlive(self, now: int) -> bool:
        """
        @param now: Monotonic nanoseconds.
        @return: Whether the heartbeat is recent, with descriptors to spare.
        """
        row = self.row
        return now - row.heartbeat < STALE and row.headroom > RESERVE

    def reconcile(self) -> int:
        """
        Ask the kernel how much is in the queue; what the worker says is only what it
        says.

        @return: How many connections the worker has not taken.
        """
        depth = self.queue.depth()
        self._sent = self.row.taken + depth
        return depth

    def add(self, listener: Listener, connection: Handed) -> bool:
        """
        Put a connection into the next batch.

        @return: Whether there is room for another.
        """
        self._batch.append((listener, connection))
        self._sent += 1
        self._credit -= 1
        return self._credit > 0 or self.hasRoom()

    def hasRoom(self) -> bool:
        """
        Look at what the worker has taken meanwhile.
        """
        self._credit = WINDOW - self.queued
        self.full = self._credit <= 0
        return not self.full

    def flush(self) -> list[tuple[Listener, Handed]]:
        """
        Send the batch.

        @return: What could not be sent: the queue is full.
        """
        batch, self._batch = self._batch, []
        try:
            send(
                self.queue.end,
                [packRecord(to.number, one.name, one.bounces) for to, one in batch],
                [one.fd for _, one in batch],
            )
        except OSError:
            self._sent -= len(batch)
            self.full = True
            return batch
        for _, one in batch:
            os.close(one.fd)
        return []

    def takeBack(self) -> Iterator[Handed]:
        """
        Take back what the worker has not taken.
        """
        for connection in self.queue.takeBack():
            self._sent -= 1
            yield connection
        self.hasRoom()
