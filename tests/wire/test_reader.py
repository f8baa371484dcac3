"""
Readers that go on.
"""

from __future__ import annotations

import asyncio
import os
import select
import socket
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from attrs import frozen
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IWriteDescriptor
from twisted.internet.main import CONNECTION_LOST
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from zope.interface import implementer

from tests.logged import logging
from twisted_cluster.wire.reader import LONGEST_REST, SHORTEST_REST, Reader


class Wire:
    """
    A wire that reads badly, for as long as it is told to.
    """

    def __init__(self) -> None:
        self.reactor = MemoryReactorClock()
        self.end, self.other = socket.socketpair()
        self.reads = 0
        self.wrong: BaseException | None = None
        self.reader = Reader(self.reactor, self.end.fileno, self.read, "a test's wire")
        self.reader.start()

    def read(self) -> None:
        self.reads += 1
        if self.wrong is not None:
            raise self.wrong

    @property
    def isRead(self) -> bool:
        """
        Whether the reactor would look at it.
        """
        return self.reader in self.reactor.getReaders()


@implementer(IWriteDescriptor)
@frozen
class Writer:
    """
    Calls a function when there is room.
    """

    fileno: Callable[[], int]
    doWrite: Callable[[], object]

    def connectionLost(self, reason: object) -> None:
        pass

    def logPrefix(self) -> str:
        return "test"


@pytest.fixture
def wire() -> Iterator[Wire]:
    """
    A wire that is read.
    """
    made = Wire()
    yield made
    made.reader.stop()
    made.end.close()
    made.other.close()
    assert made.reactor.getDelayedCalls() == []
    assert made.reactor.getReaders() == []


@pytest.mark.parametrize(
    "wrong",
    [
        OSError(24, "too many open files"),
        SystemExit("enough"),
        asyncio.CancelledError(),
        KeyboardInterrupt(),
        GeneratorExit(),
        MemoryError(),
    ],
    ids=lambda wrong: type(wrong).__name__,
)
def test_whateverIsRaisedItGoesOn(wire: Wire, wrong: BaseException) -> None:
    """
    The reactor never hears of it; it is logged, and the wire is read again.
    """
    wire.wrong = wrong
    with logging() as logged:
        wire.reader.doRead()
    assert [event["log_failure"].value for event in logged.events] == [wrong]
    assert not wire.isRead
    wire.wrong = None
    wire.reactor.advance(SHORTEST_REST)
    assert wire.isRead
    wire.reader.doRead()
    assert (wire.reads, wire.reader.failures) == (2, 1)


def test_theRestIsLongerWhileItFails(wire: Wire) -> None:
    """
    It neither spins nor gives up; once it works again, all is forgotten.
    """
    wire.wrong = ValueError("still")
    rests = []
    for _ in range(8):
        wire.reader.doRead()
        (call,) = wire.reactor.getDelayedCalls()
        rests.append(call.getTime() - wire.reactor.seconds())
        wire.reactor.advance(rests[-1])
    assert rests[:3] == pytest.approx(
        [SHORTEST_REST, 2 * SHORTEST_REST, 4 * SHORTEST_REST]
    )
    assert rests[-1] == pytest.approx(LONGEST_REST)
    wire.wrong = None
    wire.reader.doRead()
    wire.wrong = ValueError("again")
    wire.reader.doRead()
    wire.reactor.advance(SHORTEST_REST)
    assert wire.isRead


def test_aBrokenDescriptorIsReadOnceMoreAndTold(wire: Wire) -> None:
    """
    What the reactor lets go of is read, and read again if it is still there; at the first
    time it may be another's end.
    """
    for count in (1, 2, 3):
        wire.reactor.removeReader(wire.reader)
        wire.reader.connectionLost(Failure(ConnectionLost()))
        assert (wire.reads, wire.reader.failures) == (count, count - 1)
        wire.reactor.advance(4 * SHORTEST_REST)
        assert wire.isRead


@pytest.mark.skipif(not hasattr(select, "epoll"), reason="needs epoll")
def test_theEndOfWhatHadTheNumberIsAnothers() -> None:
    """
    Two pipes end in one turn; who reads the one closes the other, and opens a new one
    that gets its number.
    """
    from twisted.internet.epollreactor import EPollReactor

    reactor = EPollReactor()
    ends, others = zip(*(os.pipe(), os.pipe()), strict=True)
    readers: list[Reader] = []
    heard: list[str] = []
    opened: list[int] = []

    def replace(mine: int) -> None:
        for reader in readers[:2]:
            reader.stop()
        number, (ours, theirs) = ends[1 - mine], os.pipe()
        # This closes what was there.
        os.dup2(ours, number)
        os.close(ours)
        opened.append(theirs)
        readers.append(Reader(reactor, lambda: number, lambda: heard.append("x"), "new"))
        readers[-1].start()

    for number, end in enumerate(ends):
        os.close(others[number])
        read = partial(replace, number)
        readers.append(Reader(reactor, partial(int, end), read, f"pipe {number}"))
        readers[-1].start()
    reactor.doPoll(1.0)
    assert heard == ["x"]
    assert [reader.failures for reader in readers] == [0, 0, 0]
    readers[-1].stop()
    for fd in (*ends, *opened):
        os.close(fd)
    # It has not run, and closes nothing by itself.
    reactor.removeAll()


@pytest.mark.skipif(not hasattr(select, "epoll"), reason="needs epoll")
def test_theRoomOfWhatHadTheNumberIsAnothers() -> None:
    """
    Two sockets have room in one turn; who is told of the one closes the other, and reads
    what gets its number.
    """
    from twisted.internet.epollreactor import EPollReactor

    reactor = EPollReactor()
    pairs = [socket.socketpair() for _ in range(2)]
    writers: list[Writer] = []
    readers: list[Reader] = []
    opened: list[int] = []

    def replace(mine: int) -> None:
        for writer in writers:
            reactor.removeWriter(writer)
        number, (ours, theirs) = pairs[1 - mine][0].fileno(), os.pipe()
        # This closes what was there.
        os.dup2(ours, number)
        os.close(ours)
        opened.append(theirs)
        readers.append(Reader(reactor, lambda: number, lambda: None, "new"))
        readers[-1].start()

    for number, (end, _) in enumerate(pairs):
        writers.append(Writer(end.fileno, partial(replace, number)))
        reactor.addWriter(writers[-1])
    with logging() as log:
        reactor.doPoll(1.0)
    assert log.events == []
    assert len(readers) == 1
    assert readers[0] in reactor.getReaders()
    readers[-1].stop()
    for fd in opened:
        os.close(fd)
    for pair in pairs:
        for end in pair:
            end.close()
    # It has not run, and closes nothing by itself.
    reactor.removeAll()


def test_whoSeesTheEndIsNotToldOfIt(wire: Wire) -> None:
    """
    A pipe's end is all that epoll says of it.
    """
    wire.reader._read = wire.reader.stop
    wire.reader.connectionLost(Failure(ConnectionDone()))
    assert wire.reader.failures == 0
    assert wire.reactor.getDelayedCalls() == []


@pytest.mark.parametrize("reason", [None, Failure(CONNECTION_LOST)])
def test_aReactorThatStopsIsNoFailure(wire: Wire, reason: Failure | None) -> None:
    """
    Nothing more is read, nor said.
    """
    wire.reader.connectionLost(reason)
    assert (wire.reads, wire.reader.failures) == (0, 0)
    assert not wire.isRead


def test_aClosedDescriptorIsNotReadAgain(wire: Wire) -> None:
    """
    Its number may be another's by then.
    """
    wire.wrong = ValueError("the last")
    wire.reader.doRead()
    wire.end.close()
    wire.reactor.advance(LONGEST_REST)
    assert not wire.isRead


def test_stoppedWhileItRestsItStaysStopped(wire: Wire) -> None:
    """
    Also if who reads has stopped it, and when nothing was started.
    """
    wire.wrong = ValueError("wrong")
    wire.reader.doRead()
    wire.reader.stop()
    wire.reactor.advance(LONGEST_REST)
    assert not wire.isRead
    wire.reader.start()
    wire.reader.start()

    def stop() -> None:
        wire.reader.stop()
        raise ValueError("wrong")

    wire.reader._read = stop
    wire.reader.doRead()
    wire.reactor.advance(LONGEST_REST)
    assert not wire.isRead


@pytest.mark.parametrize("isNew", [True, False])
def test_aReactorThatHasNoRoomIsAskedAgain(
    wire: Wire, isNew: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    epoll_ctl fails with ENOMEM or ENOSPC, after a rest as well as for who begins.
    """
    add = wire.reactor.addReader
    asked: list[Callable[[], int]] = []

    def refuse(reader: Reader) -> None:
        asked.append(reader.fileno)
        if len(asked) < 3:
            raise OSError(28, "no space")
        add(reader)

    monkeypatch.setattr(wire.reactor, "addReader", refuse)
    if isNew:
        wire.reader.stop()
        wire.reader.start()
    else:
        wire.wrong = ValueError("wrong")
        wire.reader.doRead()
    for _ in range(3):
        wire.reactor.advance(LONGEST_REST)
    assert wire.isRead
