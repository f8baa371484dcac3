"""
A port serves who has come as Twisted's own does.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.tcp import Port
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure

from tests.logged import logging
from twisted_cluster.worker.ports.accepting import serveSome


class Choosing(Factory):
    """
    Does not serve the second, and notes who came.
    """

    def __init__(self) -> None:
        self.come: list[IAddress] = []

    def buildProtocol(self, addr: IAddress) -> Protocol | None:
        self.come.append(addr)
        return None if len(self.come) == 2 else Protocol()


class Failing(socket.socket):
    """
    A listening socket of which some calls fail.
    """

    errors: list[int]

    def accept(self) -> tuple[socket.socket, Any]:
        if self.errors:
            raise OSError(self.errors.pop(0), "it cannot be")
        return super().accept()


def portAt(host: str, factory: Factory) -> Port:
    """
    One that listens there.
    """
    made = Port(0, factory, 50, host, MemoryReactorClock())
    made.startListening()
    return made


def served(port: Port) -> list[Any]:
    """
    Its connections.
    """
    found: list[Any] = [each for each in port.reactor.getReaders() if each is not port]
    return sorted(found, key=lambda each: each.sessionno)


@pytest.fixture(params=["127.0.0.1", "::1"])
def port(request: pytest.FixtureRequest) -> Iterator[Port]:
    """
    One that three have connected to.
    """
    made = portAt(request.param, Choosing())
    clients = [
        socket.create_connection(made.socket.getsockname()[:2], 5) for _ in range(3)
    ]
    yield made
    for each in [*served(made), made]:
        each.connectionLost(Failure(ConnectionDone()))
    for client in clients:
        client.close()


@pytest.mark.parametrize("most", [1, 3, 10])
def test_itServesAsTheStockOne(port: Port, most: int) -> None:
    """
    As many as there may be, in the order in which they came, as far as the factory wants
    them.
    """
    serveSome(port, most)
    come = port.factory.come  # type: ignore[union-attr]
    assert len(come) == min(most, 3)
    assert [each.sessionno for each in served(port)] == list(range(max(1, len(come) - 1)))
    first = served(port)[0]
    assert first.getPeer() == come[0]
    assert first.getHost() == port.getHost()
    assert first.connected
    assert first.protocol.transport is first


@contextmanager
def connected(factory: Factory, count: int) -> Iterator[Port]:
    """
    A port that so many have connected to.
    """
    port = portAt("127.0.0.1", factory)
    with ExitStack() as stack:
        for _ in range(count):
            client = socket.create_connection(port.socket.getsockname(), 5)
            stack.enter_context(client)
        yield port
    for each in [*served(port), port]:
        each.connectionLost(Failure(ConnectionDone()))


def test_whatIsNotAcceptedIsLeftToTheStockOne() -> None:
    """
    It goes on after what firewalls do, and no further than it may.
    """
    with connected(Factory.forProtocol(Protocol), 3) as port:
        port.socket = Failing(fileno=port.socket.detach())
        port.socket.setblocking(False)
        port.socket.errors = [errno.EPERM, errno.EPERM]  # type: ignore[attr-defined]
        serveSome(port, 2)
        # Who fails is one of those that it may serve.
        assert len(served(port)) == 1


def test_aFactoryThatFails() -> None:
    """
    It is told in the log; who comes next is served in the next turn.
    """
    factory = Factory.forProtocol(lambda: 1 / 0)  # type: ignore[arg-type]
    with connected(factory, 2) as port, logging() as logged:
        serveSome(port, 2)
        assert sum("ZeroDivisionError" in text for text in logged.texts()) == 1
        port.factory = Factory.forProtocol(Protocol)
        serveSome(port, 2)
        assert len(served(port)) == 1
