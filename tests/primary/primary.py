"""
A primary without processes: its table and dispatcher, and the ends of its workers.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from typing import Any

from twisted.internet.testing import MemoryReactorClock

from tests.process.cluster import eventually
from twisted_cluster.core.counting import talliesFor
from twisted_cluster.core.member import Post
from twisted_cluster.core.messages import Listen
from twisted_cluster.events import NO_LIMITS, Limits, ListenSpec
from twisted_cluster.interfaces import ISchedulingPolicy
from twisted_cluster.policies.round_robin import RoundRobin
from twisted_cluster.primary.door.door import Door
from twisted_cluster.primary.door.gate import Gate
from twisted_cluster.primary.door.hands import Hand
from twisted_cluster.primary.ports.listener import Listener
from twisted_cluster.primary.ports.table import ListenerTable
from twisted_cluster.wire.handed import Handed
from twisted_cluster.wire.handoff import (
    HandoffQueue,
    receive,
)
from twisted_cluster.wire.page import Page


class Primary:
    """
    What a test has of a primary.

    @ivar reactor: Its reactor, which does nothing by itself.
    @ivar now: Its time, in nanoseconds.
    @ivar door: Its door.
    @ivar table: Its ports.
    """

    def __init__(
        self,
        newPolicy: Callable[[], ISchedulingPolicy | None] = RoundRobin,
        limits: Limits = NO_LIMITS,
        **options: Any,
    ) -> None:
        self.reactor = MemoryReactorClock()
        self.now = 0
        self.door = Door(self.reactor, lambda: self.now, limits)
        self.table = ListenerTable(self.door, newPolicy, **options)
        self._limits = limits
        self._workers: list[Hand] = []

    def newWorker(self, group: str = "", number: int | None = None) -> Hand:
        """
        One more worker, alive and online.
        """
        id = len(self._workers) + 1
        page = Page.create(talliesFor(self._limits))
        page.headroom = 1000
        post = Post(id, number or id, group)
        worker = Hand(post, page, HandoffQueue(), self._limits.worker)
        self._workers.append(worker)
        self.door.enter(worker)
        return worker

    def gate(self, listener: Listener) -> Gate:
        """
        Where a listener's connections are accepted.
        """
        return self.door.gates[listener.number]

    def join(
        self, worker: Hand, spec: ListenSpec, ordinal: int = 0, **more: Any
    ) -> Listener:
        """
        A worker listens.
        """
        return self.table.join(worker, Listen(1, spec, ordinal, **more))

    def serve(self, listener: Listener, count: int = 1) -> int:
        """
        Let the primary accept until so many connections have come, or it stops.

        @return: How many connections wait for workers.
        """

        def served() -> bool:
            gate = self.gate(listener)
            gate.accept()
            return not gate.isReading or self.depth() >= count

        eventually(served, "connections have come")
        return self.depth()

    def depth(self) -> int:
        """
        How many connections wait for workers.
        """
        return sum(worker.queue.depth() for worker in self._workers)

    def close(self) -> None:
        """
        Close every socket.
        """
        self.table.closeAll()
        for worker in self._workers:
            for connection in worker.takeBack():
                os.close(connection.fd)
            worker.queue.close()
            worker.page.close()


def taken(worker: Hand) -> list[Handed]:
    """
    What a worker finds in its queue; the descriptors are the caller's.
    """
    found: list[Handed] = []
    while worker.queue.depth():
        found += receive(worker.queue.worker).connections
    worker.page.taken += len(found)
    worker.page.counted = worker.page.taken
    return found


def connect(listener: Listener, count: int) -> list[socket.socket]:
    """
    So many clients of a listener.
    """
    where = ("127.0.0.1", portOf(listener))
    return [socket.create_connection(where, 5.0) for _ in range(count)]


def portOf(listener: Listener) -> int:
    """
    The number that the kernel has chosen.
    """
    return int(listener.name[1])


def received(ours: socket.socket) -> Iterator[tuple[bytes, Any]]:
    """
    The datagrams that wait at a socket, with their senders.
    """
    while True:
        try:
            yield ours.recvfrom(100)
        except BlockingIOError:
            return
