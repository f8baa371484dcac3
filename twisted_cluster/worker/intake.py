"""
A worker's end of the handoff queue: takes connections, and gives them to ports.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable, Sequence

from twisted.logger import Logger

from twisted_cluster.core.complaints import Complaints
from twisted_cluster.errors import QueueEndedError
from twisted_cluster.reactors import IPollingReactor
from twisted_cluster.wire.handed import METERED, Handed, packRecord
from twisted_cluster.wire.handoff import (
    receive,
    send,
)
from twisted_cluster.wire.page import SENT, TAKEN, Page
from twisted_cluster.wire.reader import Reader
from twisted_cluster.worker.ports.register import Register
from twisted_cluster.worker.vitals import Vitals

log = Logger()
# Messages in one turn of the loop: those who are connected have their turn too.
BATCHES_A_TURN = 16
# Seconds after which what could not be received is tried again: clients wait.
RECEIVE_REST = 0.02


def _byListener(
    connections: Sequence[Handed],
) -> Iterable[tuple[int, Sequence[Handed]]]:
    first = connections[0][1]
    for connection in connections:
        # A field by its place costs half of what it costs by its name.
        if connection[1] != first:
            break
    else:
        return ((first, connections),)
    byNumber: dict[int, list[Handed]] = {}
    for connection in connections:
        byNumber.setdefault(connection.listener, []).append(connection)
    return byNumber.items()


class Intake:
    """
    @ivar reader: What the reactor reads. It goes on after a pause when the system has no
        memory, or whatever else goes wrong.
    """

    def __init__(
        self,
        reactor: IPollingReactor,
        queue: socket.socket,
        register: Register,
        vitals: Vitals,
        tellRoom: Callable[[], None],
    ) -> None:
        """
        @param queue: The worker's end.
        @param register: Who is to have what comes.
        @param vitals: Told when something was taken.
        @param tellRoom: Called when there is room for more.
        """
        self._queue = queue
        self._page: Page = register.page
        self._register = register
        self._vitals = vitals
        self._tellRoom = tellRoom
        self._reactor = reactor
        self._failures = Complaints(time.monotonic_ns)
        self._losses = Complaints(time.monotonic_ns)
        self._unsaid = 0
        self._isAsked = False
        self.reader = Reader(reactor, queue.fileno, self._read, "the handoff queue")
        self.reader.start()

    def readNow(self) -> None:
        """
        Take what has come, whether or not the reactor, or the page, has said so.
        """
        self._isAsked = True
        self.reader.doRead()
        self._isAsked = False

    def _read(self) -> None:
        cells, left = self._page.cells, BATCHES_A_TURN
        try:
            while left:
                self._vitals.expect()
                self._take(*receive(self._queue))
                # To hear from the kernel that there are no more costs 2 us.
                isMore = cells[SENT] > cells[TAKEN] or self._isAsked
                left = left - 1 if isMore else 0
        except BlockingIOError:
            pass
        except QueueEndedError:
            self.reader.stop()
        except OSError as error:
            self._rest(error)

    def _rest(self, error: OSError) -> None:
        """
        Nothing can be received just now: it stays in the queue. The kernel does not say
        when it can.
        """
        if self._failures.isDue():
            log.error("connections cannot be received: {error}", error=error)
        self.reader.stop()
        self._reactor.callLater(RECEIVE_REST, self.reader.start)

    def _take(self, connections: Sequence[Handed], lost: Sequence[Handed]) -> None:
        self._page.taken += len(connections) + len(lost)
        self._tellRoom()
        if self._register.meters:
            for connection in (*connections, *lost):
                self._weigh(connection)
        if lost:
            self._countLost(lost)
        elif self._unsaid and self._losses.isDue("over"):
            self._sayLost()
        if connections:
            for number, mine in _byListener(connections):
                self._deliver(number, mine)
        self._vitals.taken()

    def _deliver(self, number: int, connections: Sequence[Handed]) -> None:
        port = self._register.served.get(number)
        left = connections
        if port is not None:
            try:
                left = port.deliver(connections)
            except BaseException:
                # A port closes what it does not return.
                log.failure("a port could not take its connections")
                left = ()
        for connection in left:
            self._bounce(connection)
        if port is not None and number in self._register.meters:
            port.limitChanged()

    def _weigh(self, connection: Handed) -> None:
        if connection.flags & METERED:
            meter = self._register.meters.get(connection.listener)
            if meter is not None:
                meter.received += 1

    def _countLost(self, lost: Sequence[Handed]) -> None:
        """
        The kernel has closed connections, for want of descriptors.
        """
        self._page.lost += len(lost)
        for connection in lost:
            self._register.endings.count(connection)
        for number in {connection.listener for connection in lost}:
            port = self._register.served.get(number)
            if port is not None and number in self._register.meters:
                port.limitChanged()
        self._unsaid += len(lost)
        if self._losses.isDue():
            self._sayLost()

    def _sayLost(self) -> None:
        count, self._unsaid = self._unsaid, 0
        log.error(
            "no descriptor was free for connections: the kernel has closed {count}, "
            "{all} so far; raise the limit (ulimit -n)",
            count=count,
            all=self._page.lost,
        )

    def _bounce(self, connection: Handed) -> None:
        fd, number, name, bounces, tally, _, nonce = connection
        record = packRecord(number, name, bounces + 1, tally, 0, nonce)
        try:
            send(self._queue, [record], [fd])
        except OSError:
            log.info("the primary cannot take a connection back: closed")
        self._register.endings.lose(connection)
