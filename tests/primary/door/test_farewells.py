"""
Who is not served is told why, if that is wished, and closed.
"""

from __future__ import annotations

import asyncio
import os
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Event

import pytest
from attrs import define
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import capturedLogs
from zope.interface import implementer

from tests.leftovers import openNow
from twisted_cluster.core.complaints import Complaints
from twisted_cluster.events import REFUSE, SHED, TCP, ConnectionFacts, ListenSpec
from twisted_cluster.interfaces import LONGEST_FAREWELL, IFarewellPolicy
from twisted_cluster.policies.round_robin import RoundRobin
from twisted_cluster.primary.door import farewells as module
from twisted_cluster.primary.door.farewells import (
    MOST_LINGERING,
    UNAVAILABLE,
    Farewells,
)
from twisted_cluster.primary.ports.binding import bind
from twisted_cluster.primary.ports.listener import Listener
from twisted_cluster.wire.handed import SEEN, Handed


@implementer(IFarewellPolicy)
@define
class Polite(RoundRobin):
    """
    Has a last word, or raises.
    """

    word: bytes | type[BaseException] = b"sorry"

    def farewell(self, connection: ConnectionFacts) -> bytes:
        if isinstance(self.word, bytes):
            return self.word
        raise self.word


class Hall:
    """
    Farewells, and connections that get them.
    """

    def __init__(self, atLimit: str = SHED) -> None:
        self.reactor = MemoryReactorClock()
        self.farewells = Farewells(self.reactor, atLimit, Complaints(lambda: 0))
        self._stack = ExitStack()
        self._stack.callback(self.farewells.close)

    def listener(self, policy: RoundRobin) -> Listener:
        spec = ListenSpec(TCP, "127.0.0.1", 0)
        made = Listener(1, spec, bind(spec), policy)
        self._stack.callback(made.close)
        return made

    def turnAway(self, policy: RoundRobin | None = None, flags: int = 0) -> socket.socket:
        """
        @param flags: As of a L{Handed}.
        @return: The client's end.
        """
        ours, theirs = socket.socketpair()
        self._stack.callback(theirs.close)
        theirs.settimeout(5)
        name = ("192.0.2.1", 1)
        listener = self.listener(policy or RoundRobin())
        connection = Handed(ours.detach(), 1, name, flags=flags)
        self.farewells.turnAway(listener, connection)
        return theirs

    def poll(self) -> None:
        for reader in self.reactor.getReaders():
            reader.doRead()

    def close(self) -> None:
        self._stack.close()


def openSockets() -> int:
    """
    How many there are. (Not all descriptors: the test runner's reactor takes some when it
    starts, with the first test.)
    """
    return sum(one.is_socket() for one in Path("/proc/self/fd").iterdir())


@pytest.fixture
def hall() -> Iterator[Hall]:
    made = Hall()
    before = openSockets()
    yield made
    made.close()
    assert openSockets() <= before


def everything(client: socket.socket) -> bytes:
    return b"".join(iter(lambda: client.recv(65536), b""))


def test_nobodyWaitsForWhoMayKeepItLocked(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Who has come back from a worker is told, too, but aside.
    """
    unlocked = Event()
    monkeypatch.setattr(module, "_drain", lambda lent: unlocked.wait(10.0))
    begun = time.monotonic()
    clients = [hall.turnAway(flags=SEEN) for _ in range(3)]
    assert time.monotonic() - begun < 1.0
    unlocked.set()
    for client in clients:
        assert everything(client) == UNAVAILABLE
    openNow()


def test_itIsToldAndClosedWhenItHasRead(hall: Hall) -> None:
    """
    Also one who has sent something that nobody reads: else that would reset it.
    """
    client = hall.turnAway()
    client.sendall(b"GET / HTTP/1.1\r\n\r\n")
    assert everything(client) == UNAVAILABLE
    client.close()
    hall.poll()
    assert hall.reactor.getDelayedCalls() == []


def test_whoDoesNotReadIsClosedAfterASecond(hall: Hall) -> None:
    client = hall.turnAway()
    [call] = hall.reactor.getDelayedCalls()
    hall.reactor.advance(1.0)
    assert not call.active()
    with pytest.raises(BrokenPipeError):
        client.send(b"x")


def test_whoSendsOnIsNotReadForEver(hall: Hall) -> None:
    """
    A piece of it in each turn; and after a second it is over.
    """
    client = hall.turnAway()
    client.setblocking(False)
    for _ in range(5):
        client.send(b"x" * 1000)
        hall.poll()
    hall.reactor.advance(1.0)
    assert hall.reactor.getDelayedCalls() == []


def test_aPolicysLastWord(hall: Hall) -> None:
    """
    No more of it than is safe to send at once.
    """
    assert everything(hall.turnAway(Polite(word=b"busy"))) == b"busy"
    long = everything(hall.turnAway(Polite(word=b"x" * LONGEST_FAREWELL * 2)))
    assert len(long) == LONGEST_FAREWELL


@pytest.mark.parametrize("raised", [SystemExit, asyncio.CancelledError, ValueError])
def test_whateverAPolicyRaises(hall: Hall, raised: type[BaseException]) -> None:
    """
    Clients have the usual word, and the log has it once a minute.
    """
    with capturedLogs() as logs:
        for _ in range(3):
            assert everything(hall.turnAway(Polite(word=raised))) == UNAVAILABLE
    assert len(logs) == 1


def test_refusedIsOnlyClosed() -> None:
    hall = Hall(REFUSE)
    try:
        assert hall.turnAway().recv(1) == b""
        assert hall.reactor.getReaders() == []
    finally:
        hall.close()


def test_notTooManyLinger(hall: Hall) -> None:
    """
    One more is told, and closed at once.
    """
    clients = [hall.turnAway() for _ in range(MOST_LINGERING + 3)]
    assert len(hall.reactor.getDelayedCalls()) == MOST_LINGERING
    assert everything(clients[-1]) == UNAVAILABLE


@pytest.mark.parametrize(
    ("limit", "most"), [(64, 16), (4096, MOST_LINGERING), (-1, MOST_LINGERING)]
)
def test_thoseWhoLingerLeaveDescriptors(
    monkeypatch: pytest.MonkeyPatch, limit: int, most: int
) -> None:
    """
    For those who come meanwhile.
    """
    monkeypatch.setattr(resource, "getrlimit", lambda _: (limit, limit))
    assert module.mostLingering() == most


def test_atTheEndNobodyLingers(hall: Hall) -> None:
    hall.turnAway()
    hall.farewells.close()
    assert hall.reactor.getDelayedCalls() == []
    assert hall.reactor.getReaders() == []
    hall.farewells.close()


def test_whatIsNoSocketIsClosed(hall: Hall) -> None:
    """
    A worker may send back whatever it likes.
    """
    mine, theirs = os.pipe()
    hall.farewells.turnAway(hall.listener(RoundRobin()), Handed(theirs, 1, ""))
    assert os.read(mine, 1) == b""
    os.close(mine)


def test_whereThereIsNoRoomToLingerItIsToldAndClosed(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    epoll_create(2) fails with EMFILE.
    """

    def fail() -> None:
        raise OSError(24, "too many open files")

    monkeypatch.setattr("twisted_cluster.primary.door.farewells.Edges", fail)
    assert everything(hall.turnAway()) == UNAVAILABLE
    assert hall.reactor.getDelayedCalls() == []
