"""
Ports of a worker, with a primary that says what it is told to.
"""

from __future__ import annotations

import mmap
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from twisted.internet.error import CannotListenError, ConnectionDone
from twisted.internet.protocol import DatagramProtocol, Factory, Protocol
from twisted.python.failure import Failure

from tests.wire.conftest import nothingLeft
from tests.wire.poor import fewDescriptors
from tests.worker.doubles import FakeControl, Worker
from twisted_cluster.core.messages import HANDOFF, KERNEL, SHARED
from twisted_cluster.events import ListenOptions
from twisted_cluster.wire import memfd
from twisted_cluster.wire.closings import Closings
from twisted_cluster.wire.handed import Handed
from twisted_cluster.worker.ports.datagrams import UDPPort
from twisted_cluster.worker.ports.delivered import SHARE, UNTIL_OUT, DeliveredPort
from twisted_cluster.worker.ports.meter import Meter
from twisted_cluster.worker.ports.stream_ports import TCPPort, UNIXPort

__all__ = ["nothingLeft"]


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
        worker = Worker(FakeControl(listening, mode))
        stack.callback(worker.close)
        reactor, factory = worker.reactor, Factory.forProtocol(Protocol)
        made = TCPPort(1, factory, 50, "127.0.0.1", reactor, ListenOptions())
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


def test_whatIsHandedOverIsServedAsWell(port: TCPPort) -> None:
    """
    While the primary accepts in the place of those whose socket was broken.
    """
    client, ours = socket.socketpair()
    with client:
        assert port.deliver([Handed(ours.detach(), 1, ("127.0.0.9", 1))]) == []
        assert port.active == 1
        port.doRead()
        assert port.active == 1 + SHARE


@pytest.mark.skipif(sys.platform != "linux", reason="needs files in memory")
def test_whatItClosesIsCounted(port: TCPPort) -> None:
    """
    Where it is given a place for that; what it has got instead of one is none.
    """
    assert port.number is not None
    port.doRead()
    where = memfd.ofSize(mmap.PAGESIZE)
    port.register.count(port.number, where)
    with open(os.devnull) as nowhere:
        port.register.count(port.number, nowhere.fileno())
    counted = Closings(where)
    os.close(where)
    for reader in list(port.reactor.getReaders()):
        if reader is not port:
            reader.connectionLost(Failure(ConnectionDone()))
    assert counted.count == SHARE
    assert port.active == 0


def test_whoHasConnectedIsTakenBeforeTheSocketIsLetGo(port: TCPPort) -> None:
    """
    The last worker to let go would else reset them; but not beyond the limit.
    """
    port.maxConnections = 2 * SHARE
    port.release()
    assert port.active == 2 * SHARE
    assert port not in port.reactor.getReaders()
    assert port.hidden


@pytest.mark.parametrize("kind", ["tcp", "udp"])
@pytest.mark.parametrize("interface", ["127.0.0.1", b"127.0.0.1"])
def test_interfacesMayBeBytes(kind: str, interface: str) -> None:
    """
    As bind(2) takes them; the primary is told text.
    """
    sort = socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, sort) as bound:
        bound.bind(("127.0.0.1", 0))
        worker = Worker(FakeControl(bound, SHARED))
        reactor, options = worker.reactor, ListenOptions()
        factory = Factory.forProtocol(Protocol)
        port: TCPPort | UDPPort
        if kind == "tcp":
            port = TCPPort(1, factory, 50, interface, reactor, options)
        else:
            port = UDPPort(1, DatagramProtocol(), interface, 100, reactor, options)
        port.startListening()
        worker.register.online()
        assert port.spec.interface == "127.0.0.1"
        assert [told.address for told in worker.control.heard] == ["127.0.0.1"]
        port.connectionLost(Failure(ConnectionDone()))
        worker.close()
        thread = worker.register.orphans._thread
        assert thread is not None
        thread.join(5.0)


@pytest.mark.parametrize("mode", [HANDOFF])
def test_changesOfATurnAreOneMessage(port: TCPPort) -> None:
    """
    A limit is said once, as it is in the end; of a closed port nothing is.
    """
    said = port.register.control.said
    port.maxConnections = 1
    port.maxConnections = 2
    port.reactor.advance(0)
    assert said == [(1, 2)]
    port.maxConnections = 1
    port.reactor.advance(0)
    assert said == [(1, 2), (1, 1)]
    port.maxConnections = 4
    port.connectionLost(Failure(ConnectionDone()))
    assert port.reactor.getDelayedCalls() == []


@pytest.mark.parametrize("mode", [HANDOFF])
def test_whatIsOnItsWayCountsWhenAPortIsOpenedAgain(port: TCPPort) -> None:
    """
    The primary is told anew what this worker has really received of a listener.
    """
    port.connectionLost(Failure(ConnectionDone()))
    port.register.meters[1] = Meter(received=5, told=7)
    port.maxConnections = 2
    port.startListening()
    port.reactor.advance(0)
    assert port.register.control.said == [(1, 7)]


class Failing(Factory):
    """
    Does not start.
    """

    def doStart(self) -> None:
        raise SystemExit("not today")


@pytest.fixture
def worker(mode: str) -> Iterator[Worker]:
    """
    A worker, and a primary that has a port for it.
    """
    with socket.create_server(("127.0.0.1", 0)) as listening:
        made = Worker(FakeControl(listening, mode))
        yield made
        made.close()


def ports(worker: Worker, factory: Factory) -> list[DeliveredPort]:
    """
    Ports that listen nowhere yet.
    """
    reactor, options = worker.reactor, ListenOptions()
    return [
        TCPPort(1, factory, 50, "127.0.0.1", reactor, options),
        UNIXPort(b"\0a test's", factory, 50, 0o666, reactor, False, options),
    ]


@pytest.mark.parametrize("mode", [HANDOFF, SHARED])
@pytest.mark.usefixtures("nothingLeft")
def test_aFactoryThatDoesNotStartLeavesNothing(worker: Worker) -> None:
    """
    The primary does not believe that it is served, and no descriptor stays open.
    """
    for made in ports(worker, Failing()):
        with pytest.raises(SystemExit):
            made.startListening()
        assert worker.register.all() == []
    assert worker.control.left == [1, 1]
    assert worker.register.orphans._thread is None


@pytest.mark.parametrize("mode", [HANDOFF])
@pytest.mark.usefixtures("nothingLeft")
def test_withoutADescriptorForAStandInNothingIsListenedOn(worker: Worker) -> None:
    """
    As in plain Twisted, and it may be tried again.
    """
    (made, _) = ports(worker, Factory())
    with fewDescriptors(0), pytest.raises(CannotListenError):
        made.startListening()
    assert worker.register.all() == []
    assert worker.control.left == [1]


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


@pytest.mark.parametrize("mode", [KERNEL])
def test_whoIsFullForAMomentSaysNothing(port: TCPPort) -> None:
    """
    The kernel goes on to choose a worker that is full, if there is room again soon; one
    that stays full says so, once.
    """
    said, register = port.register.control.pauses, port.register

    def allow(*each: int) -> None:
        for register.most in each:
            register.limitChanged()

    allow(0, 1)
    port.reactor.advance(UNTIL_OUT)
    assert said == []
    allow(0, 1, 0)
    port.reactor.advance(UNTIL_OUT)
    assert said == [(1, True)]
    allow(2)
    port.reactor.advance(UNTIL_OUT)
    assert said == [(1, True), (1, False)]
    allow(0)
    port.stopListening()
    port.reactor.advance(0)
    assert port.reactor.getDelayedCalls() == []
