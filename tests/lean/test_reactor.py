"""
What the lean reactor does with less, and that nobody notices.
"""

from __future__ import annotations

import errno
import os
import resource
import socket
import time
from collections.abc import Iterator
from typing import cast

import pytest
from twisted.internet.error import ConnectionAborted, ConnectionLost
from twisted.internet.interfaces import IPullProducer
from twisted.internet.tcp import Connection
from twisted.python import log
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.lean.turning import CountingPoller, Recorder, connect, turn
from twisted_cluster.lean.reactor import LeanReactor


@pytest.fixture
def reactor() -> Iterator[LeanReactor]:
    """
    One that is turned by hand.
    """
    made = LeanReactor()
    yield made
    for each in [*made.removeAll(), made.waker]:
        each.connectionLost(Failure(ConnectionLost()))


@pytest.fixture
def poller(reactor: LeanReactor) -> CountingPoller:
    """
    What it tells the kernel.
    """
    made = CountingPoller(reactor._poller)
    reactor._poller = made
    return made


def transportOf(protocol: Recorder) -> Connection:
    """
    A protocol's connection.
    """
    return cast(Connection, protocol.transport)


def test_shortRequestsNeverEnterEpoll(
    reactor: LeanReactor, poller: CountingPoller
) -> None:
    """
    A connection whose request is there when it comes is answered and closed, and the
    kernel hears nothing of it.
    """

    def answer(protocol: Recorder, data: bytes) -> None:
        transportOf(protocol).write(data)
        transportOf(protocol).loseConnection()

    _, client = connect(reactor, answer)
    client.sendall(b"short")
    turn(reactor)
    assert client.recv(100) == b"short"
    assert client.recv(100) == b""
    assert poller.told == []


@pytest.mark.parametrize("isThread", [False, True])
def test_whatIsPutOffComesBeforeMoreIsRead(reactor: LeanReactor, isThread: bool) -> None:
    """
    Who answers in a moment, as web servers may, does so before the client's end is read,
    also where that is there from the first.
    """

    def answer(protocol: Recorder) -> None:
        transportOf(protocol).write(b"answer")
        transportOf(protocol).loseConnection()

    def later(protocol: Recorder, data: bytes) -> None:
        if isThread:
            reactor.callFromThread(answer, protocol)
        else:
            reactor.callLater(0, answer, protocol)

    _, client = connect(reactor, later)
    client.sendall(b"asked")
    client.shutdown(socket.SHUT_WR)
    turn(reactor)
    assert client.recv(100) == b"answer"


def test_answersCostNoWordToTheKernel(
    reactor: LeanReactor, poller: CountingPoller
) -> None:
    """
    A connection that lasts is registered once, whatever it answers, and though it is
    paused meanwhile; before it is closed it is unregistered.
    """

    def answer(protocol: Recorder, data: bytes) -> None:
        transportOf(protocol).pauseProducing()
        transportOf(protocol).write(data)
        transportOf(protocol).resumeProducing()

    _, client = connect(reactor, answer)
    turn(reactor)
    for _ in range(3):
        client.sendall(b"again")
        turn(reactor)
        assert client.recv(100) == b"again"
    assert poller.told == ["register"]
    client.close()
    turn(reactor)
    assert poller.told == ["register", "unregister"]


def test_whoIsPausedIsNotRead(reactor: LeanReactor) -> None:
    """
    Not even once, though the kernel heard of it only before the wait.
    """
    protocol, client = connect(reactor)
    client.sendall(b"a")
    turn(reactor)
    transportOf(protocol).pauseProducing()
    client.sendall(b"b")
    turn(reactor)
    assert protocol.received == b"a"
    transportOf(protocol).resumeProducing()
    turn(reactor)
    assert protocol.received == b"ab"


def test_whatDoesNotFitIsWrittenLater(reactor: LeanReactor) -> None:
    """
    A client that does not read for now gets everything.
    """
    protocol, client = connect(reactor)
    transportOf(protocol).write(b"x" * 20_000_000)
    turn(reactor)
    assert reactor.getWriters() == [transportOf(protocol)]
    left = 20_000_000
    while left:
        turn(reactor, 1)
        left -= len(client.recv(1 << 20))
    turn(reactor)
    assert reactor.getWriters() == []


@implementer(IPullProducer)
class Endless:
    """
    Always has something to write.
    """

    def __init__(self, transport: Connection) -> None:
        self._transport = transport

    def resumeProducing(self) -> None:
        self._transport.write(b"more")

    def stopProducing(self) -> None:
        """
        It has nothing to close.
        """


def test_nobodyStarves(reactor: LeanReactor) -> None:
    """
    Who always writes, and who can always be read, has one turn like all others.
    """
    writing, _reading = connect(reactor)
    transportOf(writing).registerProducer(Endless(transportOf(writing)), False)
    busy, sending = connect(reactor, lambda *_: sending.sendall(b"x" * 70_000))
    sending.sendall(b"x")
    other, client = connect(reactor)
    turn(reactor)
    for _ in range(5):
        client.sendall(b"o")
        before = len(busy.heard)
        turn(reactor, 2)
        assert client.recv(100) == b"o"
        assert len(busy.heard) - before <= 2
    assert other.received == b"ooooo"


def test_whatComesFromTryingIsNotWaitedFor() -> None:
    """
    A call that is asked for while the reactor goes to wait is made in time.
    """
    reactor = LeanReactor()
    _, client = connect(reactor, lambda *_: reactor.callLater(0.01, reactor.crash))
    client.sendall(b"x")
    reactor.callLater(20, reactor.crash)
    begun = time.monotonic()
    reactor.run(installSignalHandlers=False)
    assert time.monotonic() - begun < 10


def test_itIsStoppedFromTrying() -> None:
    """
    Who stops the reactor while it goes to wait stops it.
    """
    reactor = LeanReactor()
    _, client = connect(reactor, lambda *_: reactor.stop())
    client.sendall(b"x")
    reactor.callLater(20, reactor.crash)
    begun = time.monotonic()
    reactor.run(installSignalHandlers=False)
    assert time.monotonic() - begun < 10


def test_turnsWithoutTimers(reactor: LeanReactor) -> None:
    """
    Who turns the reactor by hand, without its timers, has connections served.
    """
    _, client = connect(reactor)
    client.sendall(b"x")
    for _ in range(3):
        reactor.doIteration(0)
    assert client.recv(10) == b"x"


def test_numbersThatAreGivenAnew(reactor: LeanReactor) -> None:
    """
    A connection that is let go of without a word, and that another process has still,
    is nothing to the one that gets its number.
    """
    protocol, client = connect(reactor)
    turn(reactor)
    transport = transportOf(protocol)
    number = transport.fileno()
    elsewhere = transport.getHandle().dup()
    transport.stopReading()
    transport.getHandle().close()
    elsewhere.shutdown(socket.SHUT_RDWR)
    other, asking = connect(reactor)
    assert transportOf(other).fileno() == number
    asking.sendall(b"still here")
    turn(reactor)
    assert asking.recv(100) == b"still here"
    assert other.heard == [b"still here"]
    assert reactor._poller.poll(0) == []
    assert client.recv(1) == b""


def test_lettingGoIsNoticed(reactor: LeanReactor) -> None:
    """
    Nor is it to the loop, which would be told of its end again and again.
    """
    protocol, client = connect(reactor)
    turn(reactor)
    elsewhere = transportOf(protocol).getHandle().dup()
    transportOf(protocol).stopReading()
    transportOf(protocol).getHandle().close()
    client.close()
    turn(reactor)
    assert reactor._poller.poll(0) == []
    elsewhere.close()


def test_whatIsClosedUnderneathIsForgotten(reactor: LeanReactor) -> None:
    """
    Though another process has it still.
    """
    protocol, client = connect(reactor)
    turn(reactor)
    with transportOf(protocol).getHandle().dup():
        os.close(transportOf(protocol).fileno())
        transportOf(protocol).abortConnection()
        client.close()
        turn(reactor)
        assert protocol.heard == [ConnectionAborted]
        assert reactor._poller.poll(0) == []


def test_whatIsClosedUnderneathIsForgottenLater(reactor: LeanReactor) -> None:
    """
    Where no descriptor is free for that just now, the reactor goes on, and does it when
    there is one.
    """
    protocol, client = connect(reactor)
    other, another = connect(reactor)
    turn(reactor)
    with transportOf(protocol).getHandle().dup():
        os.close(transportOf(protocol).fileno())
        transportOf(protocol).abortConnection()
        client.close()
        another.sendall(b"x")
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (1, limits[1]))
        try:
            turn(reactor)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        assert other.heard == [b"x"]
        turn(reactor)
        assert reactor._poller.poll(0) == []
        another.sendall(b"y")
        turn(reactor)
        assert other.heard == [b"x", b"y"]


def test_logLinesSayWhoseTheyAre(reactor: LeanReactor) -> None:
    """
    As with the stock reactor, whether it was tried or told; and nothing is left.
    """
    said: list[object] = []
    protocol, client = connect(
        reactor, lambda *_: said.append(log.context.get(log.ILogContext)["system"])
    )
    for _ in range(2):
        client.sendall(b"x")
        turn(reactor)
    assert said == [transportOf(protocol).logPrefix()] * 2
    assert log.context.get(log.ILogContext)["system"] == "-"


def test_aFileIsPolled(reactor: LeanReactor) -> None:
    """
    What epoll does not take is read again and again, though it be a connection.
    """
    protocol, _ = connect(reactor)
    transport = transportOf(protocol)
    turn(reactor)
    transport.stopReading()
    turn(reactor)
    read: list[int] = []
    with open(__file__, "rb") as file, transport.getHandle():
        transport.fileno = file.fileno
        transport.doRead = lambda: read.append(1)  # type: ignore[func-returns-value]
        transport.startReading()
        turn(reactor)
        transport.stopReading()
        seen = len(read)
        turn(reactor)
    assert seen > 0
    assert len(read) == seen


class RefusalTests(SynchronousTestCase):
    """
    What the kernel does not take.
    """

    def test_connectionIsLost(self) -> None:
        """
        Its protocol is told, and nobody else comes to harm.
        """
        reactor = LeanReactor()
        poller = reactor._poller = CountingPoller(reactor._poller)
        refused, _ = connect(reactor)
        other, client = connect(reactor)
        poller.error = OSError(errno.ENOSPC, "no room")
        turn(reactor)
        assert refused.heard == [OSError]
        assert [error.value.args[0] for error in self.flushLoggedErrors(OSError)] == [
            errno.ENOSPC
        ]
        client.sendall(b"x")
        turn(reactor)
        assert client.recv(10) == b"x"
        assert other.received == b"x"
        for each in reactor.removeAll():
            each.connectionLost(Failure(ConnectionLost()))


def test_itCanFollowTheStockReactor() -> None:
    """
    A reactor that has connections becomes lean, and they are served.
    """
    from twisted.internet.epollreactor import EPollReactor

    made = EPollReactor()
    protocol, client = connect(made)
    made.__class__ = LeanReactor
    cast(LeanReactor, made).beginLean()
    client.sendall(b"x")
    turn(made)
    assert client.recv(10) == b"x"
    transportOf(protocol).abortConnection()
    turn(made)
    assert made.getReaders() == [made.waker]
