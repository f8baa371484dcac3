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
from twisted_cluster.core.messages import Listen
from twisted_cluster.events import ListenSpec
from twisted_cluster.interfaces import ISchedulingPolicy
from twisted_cluster.policies.round_robin import RoundRobin
from twisted_cluster.primary.door.dispatch import Dispatcher
from twisted_cluster.primary.door.hands import RESERVE, WorkerHandle
from twisted_cluster.primary.ports.listener import Listener
from twisted_cluster.primary.ports.table import ListenerTable
from twisted_cluster.wire.handoff import Handed, HandoffQueue, receive
from twisted_cluster.wire.scoreboard import Scoreboard


class Primary:
    """
    What a test has of a primary.

    @ivar reactor: Its reactor, which does nothing by itself.
    """

    def __init__(
        self,
        newPolicy: Callable[[], ISchedulingPolicy | None] = RoundRobin,
        workers: int = 3,
        **options: Any,
    ) -> None:
        self.reactor = MemoryReactorClock()
        self.dispatcher = Dispatcher(self.reactor, newPolicy, lambda: 0)
        self.table = ListenerTable(self.dispatcher, **options)
        self._board = Scoreboard.create(workers)
        self._workers: list[WorkerHandle] = []

    def newWorker(self) -> WorkerHandle:
        """
        One more worker, alive and online.
        """
        number = len(self._workers) + 1
        row = self._board.row(number)
        row.headroom = RESERVE + 1
        worker = WorkerHandle(number, row, HandoffQueue())
        self._workers.append(worker)
        self.dispatcher.addWorker(worker)
        return worker

    def join(
        self, worker: WorkerHandle, spec: ListenSpec, ordinal: int = 0, **more: Any
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
            self.dispatcher.acceptFrom(listener)
            return not listener.reading or self.depth() >= count

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
        self._board.close()


def taken(worker: WorkerHandle) -> list[Handed]:
    """
    What a worker finds in its queue; the descriptors are the caller's.
    """
    found: list[Handed] = []
    while worker.queue.depth():
        found += receive(worker.queue.worker)
    worker.row.taken += len(found)
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
