"""
Which protocols a connection has.
"""

from __future__ import annotations

import gc
import socket
from collections.abc import Iterator

import pytest
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Factory, Protocol
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.server import Site

from tests.worker.doubles import FakeControl, Worker
from twisted_cluster.worker.manners.layers import layersOf, polled, scanned
from twisted_cluster.worker.ports.connections import CountedServer


@pytest.fixture
def worker() -> Iterator[Worker]:
    made = Worker(FakeControl())
    yield made
    made.close()


def connected(worker: Worker, protocol: Protocol) -> CountedServer:
    """
    A connection of a worker's.
    """
    ours, theirs = socket.socketpair()
    theirs.close()
    return CountedServer(ours, protocol, ("", 0), None, 0, worker.reactor)  # type: ignore[arg-type]


def test_allThatIsWrappedIsFound(worker: Worker) -> None:
    """
    The outermost first; what chooses between kinds of HTTP is one more.
    """
    site = Site(None)  # type: ignore[arg-type]
    chooser = site.buildProtocol(None)  # type: ignore[arg-type]
    wrapper = ProtocolWrapper(WrappingFactory(Factory()), chooser)
    found = layersOf(connected(worker, wrapper))
    assert list(found[:2]) == [wrapper, chooser]
    assert isinstance(found[2], HTTPChannel)
    assert len(found) == 3


def test_whoHasTakenAChannelsPlaceIsWithinIt(worker: Worker) -> None:
    """
    As Twisted's web sockets do.
    """
    channel, taker = HTTPChannel(), Protocol()
    channel.dataReceived = taker.dataReceived
    assert list(layersOf(connected(worker, channel))) == [channel, taker]


def test_whoIsWithinItselfIsFoundOnce(worker: Worker) -> None:
    """
    There is an end.
    """
    wrapper = ProtocolWrapper(WrappingFactory(Factory()), Protocol())
    connection = connected(worker, wrapper)
    wrapper.wrappedProtocol = wrapper
    assert list(layersOf(connection)) == [wrapper]


def test_pausedConnectionsAreFoundToo(worker: Worker) -> None:
    """
    Though no reactor polls them; those that are lost are not.
    """
    one, other = (connected(worker, Protocol()) for _ in range(2))
    other.stopReading()
    assert polled(worker.reactor) == {one}
    assert {one, other} <= set(scanned())
    other.connectionLost(Failure(ConnectionDone()))
    assert other not in scanned()
    assert list(layersOf(other)) == []
    one.connectionLost(Failure(ConnectionDone()))
    gc.collect()
