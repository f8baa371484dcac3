"""
Ports of a worker, with a primary that says what it is told to.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure

from twisted_cluster.core.messages import HANDOFF, SHARED
from twisted_cluster.events import ListenOptions
from twisted_cluster.wire.handoff import Handed
from twisted_cluster.worker.link import Joined
from twisted_cluster.worker.ports.limits import RETRY, Meter
from twisted_cluster.worker.ports.streams import SHARE, TCPPort


class Row:
    """
    Counts nothing that matters here.
    """

    opened = closed = 0


class FakeLink:
    """
    A primary that says yes to everything.

    @ivar said: What it was told of limits.
    @ivar hears: Whether there is room in the channel.
    """

    hears = True

    def __init__(self, listening: socket.socket, mode: str) -> None:
        self._listening = listening
        self._mode = mode
        self.said: list[tuple[int, int | None]] = []
        self.row = Row()
        self.ports: dict[int, Any] = {}
        self.alone: set[Any] = set()
        self.meters: dict[int, Meter] = {}
        self.intake = self
        self.endings = None

    def lose(self, connection: Handed) -> None:
        os.close(connection.fd)

    def listen(self, spec: object, room: int | None) -> Joined:
        return Joined(1, 0, os.dup(self._listening.fileno()), self._mode)

    def limit(self, number: int, willing: int | None) -> bool:
        self.said.append((number, willing))
        return self.hears

    def sayListening(self, message: object) -> None:
        pass

    def unlisten(self, number: int) -> None:
        pass

    def connectionClosed(self) -> None:
        pass


@pytest.fixture
def mode() -> str:
    """
    How connections reach the port.
    """
    return SHARED


@pytest.fixture
def port(mode: str) -> Iterator[TCPPort]:
    """
    A port with three times as many clients as it takes at once.
    """
    with socket.create_server(("127.0.0.1", 0)) as listening, ExitStack() as stack:
        listening.setblocking(False)
        for _ in range(3 * SHARE):
            client = socket.create_connection(listening.getsockname(), 5.0)
            stack.enter_context(client)
        reactor = MemoryReactorClock()
        made = TCPPort(1, Factory.forProtocol(Protocol), 50, "127.0.0.1", reactor)
        made.link = reactor.clusterLink = FakeLink(listening, mode)
        made.configure(ListenOptions())
        made.startListening()
        yield made
        for reader in list(reactor.getReaders()):
            reader.connectionLost(Failure(ConnectionDone()))


def test_aBurstIsLeftToOthersToo(port: TCPPort) -> None:
    """
    A worker accepts few at once from a socket that others accept from.
    """
    for turn in (1, 2):
        port.doRead()
        assert port.active == turn * SHARE


def test_whoHasConnectedIsTakenBeforeTheSocketIsLetGo(port: TCPPort) -> None:
    """
    The last worker to let go would else reset them; but not beyond the limit.
    """
    port.maxConnections = 2 * SHARE
    port.release()
    assert port.active == 2 * SHARE
    assert port not in port.reactor.getReaders()
    assert port.hidden


@pytest.mark.parametrize("mode", [HANDOFF])
def test_aLimitIsSaidOnceItCanBe(port: TCPPort) -> None:
    """
    Changes of one turn are one message; where the channel is full, it is sent again.
    """
    port.link.hears = False
    port.maxConnections = 1
    port.maxConnections = 2
    port.reactor.advance(0)
    assert port.link.said == [(1, 2)]
    port.link.hears = True
    port.maxConnections = 3
    port.reactor.advance(RETRY)
    port.reactor.advance(RETRY)
    assert port.link.said == [(1, 2), (1, 3)]
    port.maxConnections = 4
    port.connectionLost(Failure(ConnectionDone()))
    assert port.reactor.getDelayedCalls() == []


@pytest.mark.parametrize("mode", [HANDOFF])
def test_whatIsOnItsWayCountsWhenAPortIsOpenedAgain(port: TCPPort) -> None:
    """
    The primary is told anew what this worker has really received of a listener.
    """
    port.connectionLost(Failure(ConnectionDone()))
    port.link.meters[1] = Meter(received=5, told=7)
    port.maxConnections = 2
    port.startListening()
    port.reactor.advance(0)
    assert port.link.said == [(1, 7)]


@pytest.mark.parametrize(
    ("received", "told", "willing", "limit", "expected"),
    [
        (0, None, None, 0, False),
        (0, None, 5, 5, True),
        (3, 5, None, 5, True),
        (3, 5, 4, 1, True),
        (3, 5, 5, 5, False),
        (3, 5, 6, 5, True),
        (0, 100, 101, 100, False),
        (50, 100, 120, 100, True),
        (1, 1, 2, 1, True),
    ],
)
def test_whatThePrimaryHasToKnow(
    received: int, told: int | None, willing: int | None, limit: int, expected: bool
) -> None:
    """
    Less at once; more when half of the places are used.
    """
    assert Meter(received, told).isNews(willing, limit) is expected
