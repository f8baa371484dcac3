"""
First bytes, waited for.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from twisted.internet.testing import MemoryReactorClock

from twisted_cluster.events import Look
from twisted_cluster.primary.door.peeker import MOST_PIECES, Peeker, peek
from twisted_cluster.wire.handed import Handed

LOOK = Look()


class Looking:
    """
    A peeker, what it has decided, and clients.
    """

    def __init__(
        self, look: Look = LOOK, enough: Callable[[bytes], bool] | None = None
    ) -> None:
        self.reactor = MemoryReactorClock()
        self.decided: list[tuple[int, bytes]] = []
        self.failing: BaseException | None = None
        self.turns = 0
        self.peeker = Peeker(
            self.reactor,
            look,
            enough or (lambda first: b"\n" in first),
            self._decide,
            self._decided,
            lambda: int(self.reactor.seconds() * 1e9),
        )
        self._stack = ExitStack()
        self._numbers: dict[int, int] = {}

    def _decide(self, connection: Handed, first: bytes) -> None:
        self.decided.append((self._numbers[connection.fd], first))
        socket.close(connection.fd)
        if self.failing is not None:
            raise self.failing

    def _decided(self) -> None:
        self.turns += 1

    def come(self, first: bytes = b"", host: str = "192.0.2.1") -> socket.socket:
        """
        @return: The client's end.
        """
        ours, theirs = socket.socketpair()
        self._stack.callback(theirs.close)
        theirs.send(first)
        fd = ours.detach()
        self._numbers[fd] = theirs.fileno()
        self.peeker.take(Handed(fd, 1, (host, 1)))
        return theirs

    def poll(self) -> None:
        for reader in self.reactor.getReaders():
            reader.doRead()

    def close(self) -> None:
        self._stack.close()
        self.peeker.close()


@pytest.fixture
def looking() -> Iterator[Looking]:
    made = Looking()
    yield made
    made.close()


def test_whoHasSaidEnoughIsDecidedAtOnce(looking: Looking) -> None:
    client = looking.come(b"all\n")
    assert looking.decided == [(client.fileno(), b"all\n")]
    assert looking.peeker.pending == 0


def test_whatIsMissingIsWaitedFor(looking: Looking) -> None:
    """
    Piece by piece; what was looked at is still there to be read.
    """
    client = looking.come(b"a")
    looking.poll()
    assert looking.decided == []
    client.send(b"b\n")
    looking.poll()
    assert looking.decided == [(client.fileno(), b"ab\n")]
    assert looking.turns == 2


def test_whoEndsIsDecidedWithWhatThereIs(looking: Looking) -> None:
    client = looking.come(b"half")
    client.shutdown(socket.SHUT_WR)
    looking.poll()
    assert looking.decided == [(client.fileno(), b"half")]


def test_aPieceAtATimeEndsAsWell(looking: Looking) -> None:
    client = looking.come()
    for _ in range(MOST_PIECES):
        assert looking.decided == []
        client.send(b"x")
        looking.poll()
    assert len(looking.decided) == 1


def test_atTheDeadline(looking: Looking) -> None:
    """
    Each has its own; the timer goes on for the later ones.
    """
    early = looking.come()
    looking.reactor.advance(0.5)
    late = looking.come(b"x")
    looking.reactor.advance(0.5)
    assert looking.decided == [(early.fileno(), b"")]
    looking.reactor.advance(0.5)
    assert looking.decided[1:] == [(late.fileno(), b"x")]
    assert looking.reactor.getDelayedCalls() == []
    looking.come()
    assert len(looking.reactor.getDelayedCalls()) == 1


def test_aDecisionThatFailsStopsNothing(looking: Looking) -> None:
    """
    Those that are behind it have their deadline as well.
    """
    for _ in range(3):
        looking.come()
    looking.failing = SystemExit()
    for _ in range(3):
        with pytest.raises(SystemExit):
            looking.reactor.advance(1.0)
    assert len(looking.decided) == 3
    assert looking.peeker.pending == 0


@pytest.mark.parametrize("raised", [SystemExit, KeyboardInterrupt, ValueError])
def test_aPolicyThatCannotTell(raised: type[BaseException]) -> None:
    """
    It is to choose with what there is.
    """

    def enough(first: bytes) -> bool:
        raise raised

    looking = Looking(enough=enough)
    try:
        looking.come(b"x")
        client = looking.come()
        client.send(b"y")
        looking.poll()
        assert [first for _, first in looking.decided] == [b"x", b"y"]
    finally:
        looking.close()


def test_oneMoreThanMayWait() -> None:
    """
    The one that has waited longest is decided about.
    """
    looking = Looking(Look(pending=2))
    try:
        first, *_ = [looking.come() for _ in range(3)]
        assert looking.decided == [(first.fileno(), b"")]
        assert looking.peeker.pending == 2
    finally:
        looking.close()


def test_addressesAreCounted(looking: Looking) -> None:
    looking.come(host="192.0.2.7")
    client = looking.come(host="192.0.2.7")
    assert looking.peeker.pendingOf("192.0.2.7") == 2
    client.send(b"\n")
    looking.poll()
    assert looking.peeker.pendingOf("192.0.2.7") == 1
    assert looking.peeker.pendingOf("192.0.2.8") == 0


def test_settledAndClosed(looking: Looking) -> None:
    """
    At the end of a port everybody is decided about, or closed.
    """
    looking.come()
    looking.peeker.settleAll()
    assert len(looking.decided) == 1
    client = looking.come()
    looking.peeker.close()
    assert client.recv(1) == b""
    assert looking.reactor.getDelayedCalls() == []
    assert looking.reactor.getReaders() == []


def test_aBrokenConnectionHasNothing() -> None:
    ours, theirs = socket.socketpair()
    theirs.close()
    assert peek(ours.fileno(), 10) == b""
    ours.close()


def test_whatIsNoSocketHasNothing() -> None:
    """
    A worker may send back whatever it likes.
    """
    ends = os.pipe()
    try:
        os.write(ends[1], b"x")
        assert peek(ends[0], 10) == b""
    finally:
        for end in ends:
            os.close(end)
