"""
One worker's load and queue, as the dispatcher sees them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from attrs import define, frozen
from zope.interface import implementer

from twisted_cluster.interfaces import IWorkerLoad
from twisted_cluster.wire.handoff import (
    METERED,
    Handed,
    HandoffQueue,
    packRecord,
    send,
)
from twisted_cluster.wire.scoreboard import Row
from twisted_cluster.wire.tallies import Tally

if TYPE_CHECKING:
    from twisted_cluster.primary.ports.listener import Listener

WINDOW = 32
RESERVE = 64
STALE = 250_000_000
LOST = 10_000_000_000


@define
class Credit:
    """
    What a worker lets one listener give it; both numbers only count what bears the
    mark L{METERED}, since the worker first said so.

    @ivar willing: How many it will have been handed, in all; L{None} is any number.
    @ivar handed: How many it has been.
    """

    willing: int | None
    handed: int = 0

    @property
    def isSpent(self) -> bool:
        return self.willing is not None and self.handed >= self.willing


@frozen
class Post:
    """
    What the primary knows of a worker from the start; see L{IWorkerLoad}.
    """

    id: int = 0
    group: str = ""
    weight: int = 1
    generation: int = 1


@implementer(IWorkerLoad)
class WorkerHandle:
    """
    What a policy sees of a worker, and what the dispatcher does with it.

    @ivar number: The slot, from 1.
    @ivar open: Whether it may be offered anything at all.
    @ivar fresh: Whether its heartbeat was recent, and it has descriptors left, when
        last looked at.
    @ivar reachable: Whether it lives, though it may be busy for the moment.
    @ivar stalled: Whether it has not taken what it was handed for a while, nor shown
        life since.
    @ivar full: Whether it has L{WINDOW} connections that it has not taken.
    @ivar tally: What it has been handed and has not ended, where that is limited.
    @ivar credits: What it lets listeners give it, by their numbers; for one that is
        not here, any number.
    """

    def __init__(
        self, number: int, row: Row, queue: HandoffQueue, post: Post = Post()
    ) -> None:
        self.number = number
        self.id = post.id
        self.group = post.group
        self.weight = post.weight
        self.generation = post.generation
        self.row = row
        self.queue = queue
        self.open = True
        self.fresh = False
        self.reachable = False
        self.stalled = False
        self.full = False
        self.credits: dict[int, Credit] = {}
        self.tally: Tally | None = None
        self._sent = 0
        self._credit = WINDOW
        self._seen = -1
        self._stalledAt = 0
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
        return self.row.lag / 1e3

    @property
    def cpu(self) -> float:
        return self.row.cpu / 1e6

    @property
    def rss(self) -> int:
        return self.row.rss

    @property
    def age(self) -> float:
        return max(0, self.row.heartbeat - self.row.born) / 1e9

    @property
    def draining(self) -> bool:
        return not self.open

    def lookAt(self, now: int) -> None:
        """
        See whether the heartbeat is recent, with descriptors to spare.

        @param now: Monotonic nanoseconds.
        """
        silence = now - self.row.heartbeat
        hasDescriptors = self.row.headroom > RESERVE
        self.fresh = silence < STALE and hasDescriptors
        self.reachable = self.open and silence < LOST and hasDescriptors

    def glance(self) -> bool:
        """
        See whether it takes what it is handed; to be called some 100 times a second
        while there is anything that it has not taken.

        @return: Whether that has changed.
        """
        before, row = self.stalled, self.row
        if not before and self.queued and row.taken == self._seen:
            self.stalled, self._stalledAt = True, row.heartbeat
        elif before and (row.heartbeat > self._stalledAt or row.taken != self._seen):
            self.stalled = False
        self._seen = row.taken if self.queued or self.stalled else -1
        return self.stalled != before

    @property
    def room(self) -> int:
        """
        How many connections it can be handed.
        """
        return max(0, WINDOW - self.queued)

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
        return self._credit > 0 or self._weigh()

    def limit(self, listener: int, willing: int | None) -> None:
        """
        Give no more than a worker is willing to be given.

        @param willing: As in L{Credit}.
        """
        self.credits.setdefault(listener, Credit(willing)).willing = willing
        self.hasRoom()

    def handedBy(self, listener: int) -> int:
        """
        How many connections of a listener have counted so far.
        """
        credit = self.credits.get(listener)
        return 0 if credit is None else credit.handed

    def mayTakeFrom(self, listener: int) -> bool:
        """
        Whether it is willing to be given one more by a listener.
        """
        credit = self.credits.get(listener)
        return credit is None or not credit.isSpent

    def _weigh(self) -> bool:
        listener, connection = self._batch[-1]
        if self.tally is not None:
            self.tally.add(connection)
        credit = self.credits.get(listener.number)
        if credit is not None:
            marked = connection._replace(bounces=connection.bounces | METERED)
            self._batch[-1] = listener, marked
            credit.handed += 1
            if credit.isSpent:
                listener.recount()
        return self.hasRoom()

    def _unmark(self, connection: Handed) -> Handed:
        """
        A connection was not given after all.
        """
        if self.tally is not None:
            self.tally.remove(connection)
        if not connection.bounces & METERED:
            return connection
        if connection.listener in self.credits:
            self.credits[connection.listener].handed -= 1
        return connection._replace(bounces=connection.bounces & ~METERED)

    def hasRoom(self) -> bool:
        """
        Look at what the worker has taken meanwhile.
        """
        room = self.room
        self.full = not room or self.hasMost
        # With none left add() takes the long way, which counts what has to be counted.
        self._credit = 0 if self.credits or self.tally is not None else room
        return not self.full

    @property
    def hasMost(self) -> bool:
        """
        Whether it has as many connections as it may.
        """
        return self.tally is not None and self.tally.isFull

    def flush(self) -> list[tuple[Listener, Handed]]:
        """
        Send the batch.

        @return: What could not be sent: the queue is full.
        """
        batch, self._batch = self._batch, []
        try:
            send(
                self.queue.end,
                [
                    packRecord(number, name, bounces, tally)
                    for _, (_, number, name, bounces, tally) in batch
                ],
                [one.fd for _, one in batch],
            )
        except OSError:
            self._sent -= len(batch)
            self.full = True
            return [(to, self._unmark(one)) for to, one in batch]
        for _, one in batch:
            os.close(one.fd)
        return []

    def takeBack(self) -> Iterator[Handed]:
        """
        Take back what the worker has not taken.
        """
        for connection in self.queue.takeBack():
            self._sent -= 1
            yield self._unmark(connection)
        self.hasRoom()
