"""
A worker's end of the handoff queue: takes connections, and gives them to ports.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.logger import Logger

from twisted_cluster.wire.handoff import METERED, Handed, packRecord, receive, send
from twisted_cluster.wire.scoreboard import Row
from twisted_cluster.worker.ports.counted import Endings

if TYPE_CHECKING:
    from twisted_cluster.worker.ports.limits import Meter
    from twisted_cluster.worker.ports.streams import DeliveredPort

log = Logger()
TURN = 16


class Intake:
    """
    @ivar ports: Those that take connections, by the listener's number.
    @ivar meters: What listeners have given this worker, by number, where it limits that.
    @ivar endings: Where the ends of connections are counted, where the primary does.
    """

    def __init__(
        self,
        queue: socket.socket,
        row: Row,
        ended: memoryview[int] | None,
        tellRoom: Callable[[], None],
    ) -> None:
        """
        @param queue: The worker's end.
        @param row: This worker's counters.
        @param ended: Where the ends of connections are counted, if that matters.
        @param tellRoom: Called when there is room for more.
        """
        self.ports: dict[int, DeliveredPort] = {}
        self.meters: dict[int, Meter] = {}
        self.endings = Endings(ended, tellRoom) if ended else None
        self.fileno = queue.fileno
        self._queue = queue
        self._row = row
        self._tellRoom = tellRoom

    def read(self) -> bool:
        """
        Take what has come, though not all at once.

        @return: Whether more can come.
        """
        try:
            for _ in range(TURN):
                connections = receive(self._queue)
                if not connections:
                    return False
                self._take(connections)
        except BlockingIOError:
            pass
        return True

    def lose(self, connection: Handed) -> None:
        """
        Close a connection that is not served.
        """
        os.close(connection.fd)
        if self.endings is not None:
            self.endings.count(connection)

    def _take(self, connections: list[Handed]) -> None:
        self._row.taken += len(connections)
        self._tellRoom()
        if self.meters:
            connections = [self._weigh(connection) for connection in connections]
        byPort: dict[int, list[Handed]] = {}
        for connection in connections:
            byPort.setdefault(connection.listener, []).append(connection)
        for number, mine in byPort.items():
            port = self.ports.get(number)
            for connection in mine if port is None else port.deliver(mine):
                self._bounce(connection)
            if port is not None and number in self.meters:
                port.limitChanged()

    def _weigh(self, connection: Handed) -> Handed:
        if not connection.bounces & METERED:
            return connection
        self.meters[connection.listener].received += 1
        return connection._replace(bounces=connection.bounces & ~METERED)

    def _bounce(self, connection: Handed) -> None:
        number, name, bounces, tally = connection[1:]
        try:
            record = packRecord(number, name, bounces + 1, tally)
            send(self._queue, [record], [connection.fd])
        except OSError:
            log.info("the primary cannot take a connection back: closed")
        self.lose(connection)
