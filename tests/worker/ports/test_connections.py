"""
Connections that count themselves.
"""

from __future__ import annotations

import gc
import socket
from collections.abc import Callable, Iterator
from functools import partial
from threading import Thread, get_ident

import pytest
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Protocol
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure

from tests.worker.doubles import FakeControl, Worker
from twisted_cluster.worker.ports.connections import CountedServer


class Threaded(MemoryReactorClock):
    """
    Has threads call what is for its own.
    """

    def __init__(self) -> None:
        super().__init__()
        self.called: list[Callable[[], object]] = []

    def callFromThread(self, call: Callable[..., object], *given: object) -> None:
        self.called.append(partial(call, *given))

    def turn(self) -> None:
        """
        Call them.
        """
        called, self.called = self.called, []
        for call in called:
            call()


@pytest.fixture
def worker() -> Iterator[Worker]:
    """
    A worker whose reactor has threads.
    """
    made = Worker(FakeControl())
    reactor = Threaded()
    reactor.clusterPorts = made.register  # type: ignore[attr-defined]
    made.reactor = reactor
    yield made
    made.close()


def connected(worker: Worker) -> CountedServer:
    """
    A connection of it.
    """
    end, other = socket.socketpair()
    other.close()
    protocol = Protocol()
    reactor = worker.reactor
    made = CountedServer(end, protocol, ("127.0.0.1", 1), None, 1, reactor)
    protocol.makeConnection(made)
    return made


def test_aConnectionThatIsLetGoOfHasEnded(worker: Worker) -> None:
    """
    When nobody has it any more, whichever thread finds that out: it is counted by the
    reactor's.
    """
    page, counted = worker.page, []
    worker.register.ended.append(lambda: counted.append(get_ident()))
    connected(worker).stopReading()
    assert (page.opened, page.closed) == (1, 0)
    thread = Thread(target=gc.collect)
    thread.start()
    thread.join()
    gc.collect()
    assert page.closed == 0
    worker.reactor.turn()  # type: ignore[attr-defined]
    assert page.closed == 1
    assert counted == [get_ident()]


def test_aConnectionEndsOnce(worker: Worker) -> None:
    """
    However often it is told, and when it is rubbish after that.
    """
    connection = connected(worker)
    connection.connectionLost(Failure(ConnectionDone()))
    assert worker.page.closed == 1
    worker.reactor.removeReader(connection)
    del connection
    gc.collect()
    worker.reactor.turn()  # type: ignore[attr-defined]
    assert worker.page.closed == 1
