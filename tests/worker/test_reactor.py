"""
The cluster reactor itself, without a process of its own.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from threading import Thread
from typing import Any

import pytest
from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.selectreactor import SelectReactor
from twisted.python.failure import Failure

from twisted_cluster.core.messages import Answer, Listen, Message
from twisted_cluster.errors import ChannelClosedError
from twisted_cluster.primary.ports.saying import factsOf
from twisted_cluster.wire.channel import Channel
from twisted_cluster.wire.descriptors import Announcement
from twisted_cluster.wire.handoff import HandoffQueue
from twisted_cluster.wire.mail import Mail
from twisted_cluster.wire.page import Page
from twisted_cluster.worker import reactor as module
from twisted_cluster.worker.reactor import clusterize
from twisted_cluster.worker.wires import WorkerWires


class Clustered:
    """
    A reactor, and a primary that answers all that it asks with one listening socket.
    """

    def __init__(self, reactor: object) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.listening.setblocking(False)
        self.reactor: Any = reactor
        self.asked: Message | None = None
        self.channel, theirs = Channel.pair()
        self.queue, self.page = HandoffQueue(), Page.create()
        self.mail, mail = Mail.pair()
        wires = WorkerWires(Channel(theirs), self.queue.worker, self.page, mail)
        clusterize(self.reactor, wires, Announcement(1))
        self._primary = Thread(target=self._answer)
        self._primary.start()

    def _answer(self) -> None:
        while True:
            self.channel.wait(10.0)
            try:
                message, _ = self.channel.receive()
            except ChannelClosedError:
                return
            number = getattr(message, "question", None)
            if number is not None:
                self.asked = message
                self.channel.send(Answer(number, 1, socket=factsOf(self.listening)))

    def close(self) -> None:
        """
        The end.
        """
        for reader in self.reactor.removeAll():
            reader.connectionLost(Failure(ConnectionDone()))
        self.reactor.clusterLink.departure.quit()
        self._primary.join()
        for end in (self.channel, self.queue, self.mail, self.listening, self.page):
            end.close()


@pytest.fixture
def clustered() -> Iterator[Clustered]:
    """
    A clustered reactor.
    """
    made = Clustered(SelectReactor())
    yield made
    made.close()


@pytest.fixture
def onAsyncio() -> Iterator[Clustered]:
    """
    One of asyncio's, which has turned once.
    """
    made = Clustered(AsyncioSelectorReactor(asyncio.SelectorEventLoop()))
    made.reactor.runUntilCurrent()
    yield made
    made.close()
    made.reactor._asyncioEventloop.close()


def test_itsKindIsTheStockOne(clustered: Clustered, onAsyncio: Clustered) -> None:
    """
    For who compares it, and in sets and tables.
    """
    kind, other = type(clustered.reactor), type(onAsyncio.reactor)
    assert kind == SelectReactor
    assert SelectReactor == kind
    assert not kind != SelectReactor
    assert {kind: 1}[SelectReactor] == 1
    assert kind not in (other, AsyncioSelectorReactor, object())


def test_whoAdoptsAPortByItsNumberJoinsIt(clustered: Clustered) -> None:
    """
    What the worker has there only stands in for it: the primary is asked for the same.
    """
    factory = Factory.forProtocol(Protocol)
    port = clustered.reactor.listenTCP(80, factory, interface="127.0.0.1")
    with port.socket.dup() as copy:
        adopted = clustered.reactor.adoptStreamPort(
            copy.fileno(), socket.AF_INET, factory
        )
    assert adopted.getHost() == port.getHost()
    assert isinstance(clustered.asked, Listen)
    assert clustered.asked.listener == 1


def test_whatIsTheClustersStaysWhenAllIsRemoved(clustered: Clustered) -> None:
    """
    That is for what the application reads and writes; a message that waits for room is
    sent all the same.
    """
    reactor, peer = clustered.reactor, clustered.reactor.clusterLink.peer
    text = "x" * 1_000_000
    sent = peer.send(text, None, b"", False)
    assert peer.mail in reactor.getWriters()
    assert peer.mail not in reactor.removeAll()
    clustered.mail.setblocking(False)
    deadline = time.monotonic() + 10.0
    while not sent.called:
        assert time.monotonic() < deadline
        with suppress(BlockingIOError):
            clustered.mail.recv(1 << 20)
        reactor.runUntilCurrent()
        reactor.doIteration(0.01)


def test_beatsComeWhenTimersAreDue(
    clustered: Clustered, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    20 times a second, and sooner if something is to be called sooner; whatever is
    called, and whatever it raises, the beats go on.
    """
    reactor, page = clustered.reactor, clustered.page
    now = 10**9
    monkeypatch.setattr(module, "monotonic_ns", lambda: now)
    assert reactor.timeout() == module.BEAT_EVERY / 1e9
    assert page.heartbeat == now
    reactor.beatBy(now + 1000)
    assert reactor.timeout() == pytest.approx(1e-6)
    now += 1000

    def fail() -> None:
        raise SystemExit("a test's")

    monkeypatch.setattr(reactor.clusterLink.departure, "tick", fail)
    for _ in range(3):
        reactor.timeout()
        assert page.heartbeat == now
        now += module.BEAT_EVERY


def test_whatWasDueLongAgoIsNotWaitedForForEver(
    clustered: Clustered, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Of two timers that are due the first may ask for a third: then the second is the next
    one, and its time is over. A negative time-out would have no end.
    """
    reactor, called = clustered.reactor, list[int]()
    later = reactor.clusterLink._beats.callLater
    later(0.0, later, 5.0, called.append, 2)
    later(0.0, called.append, 1)
    time.sleep(0.001)
    assert reactor.timeout() >= 0.0
    assert called == [1]


def test_timersOnAsyncioComeWhenTheyAreDue(onAsyncio: Clustered) -> None:
    """
    Though it asks for its time-out only when a timer has come, or is given one.
    """
    reactor, called = onAsyncio.reactor, []
    reactor.clusterLink._beats.callLater(0, called.append, True)
    soon = asyncio.sleep(module.BEAT_EVERY / 5e9)
    reactor._asyncioEventloop.run_until_complete(soon)
    assert called == [True]


def test_timersOnAsyncioDoNotComeWithinOthers(onAsyncio: Clustered) -> None:
    """
    Who has something called later is in the midst of something.
    """
    reactor, called = onAsyncio.reactor, []
    reactor.clusterLink._beats.callLater(0, called.append, True)
    later = reactor.callLater(60, called.append, False)
    later.reset(30)
    assert called == []
    reactor.runUntilCurrent()
    assert called == [True]
    later.cancel()
