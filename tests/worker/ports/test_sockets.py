"""
What stands in for sockets that the primary holds.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.wire.poor import fewDescriptors
from tests.worker.doubles import FakeControl, Worker
from twisted_cluster.core.messages import Answer, decode, encode
from twisted_cluster.core.socket_facts import SocketFacts
from twisted_cluster.primary.ports.saying import factsOf
from twisted_cluster.wire.handed import Handed
from twisted_cluster.worker.ports.sockets import PolledSocket
from twisted_cluster.worker.ports.standing import DeliveredSocket

REUSE = (socket.SOL_SOCKET, socket.SO_REUSEADDR)


@pytest.fixture(params=["tcp", "tcp6", "unix"])
def listening(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[socket.socket]:
    """
    The primary's socket.
    """
    family = {"tcp": socket.AF_INET, "tcp6": socket.AF_INET6, "unix": socket.AF_UNIX}
    made = socket.socket(family[request.param])
    made.setsockopt(*REUSE, 1)
    where = {"tcp": ("127.0.0.1", 0), "tcp6": ("::1", 0), "unix": str(tmp_path / "s")}
    made.bind(where[request.param])
    made.listen(7)
    yield made
    made.close()


@pytest.fixture
def worker() -> Iterator[Worker]:
    """
    A worker.
    """
    made = Worker(FakeControl())
    yield made
    made.close()


def asAnswered(facts: SocketFacts) -> SocketFacts:
    """
    As they are when they have crossed the control channel.
    """
    answer = decode(encode(Answer(1, 1, socket=facts)))
    assert isinstance(answer, Answer)
    assert answer.socket == facts
    return answer.socket


@pytest.fixture
def standIn(listening: socket.socket, worker: Worker) -> Iterator[DeliveredSocket]:
    """
    The worker's.
    """
    facts = asAnswered(factsOf(listening))
    made = DeliveredSocket(facts, 1, worker.register.endings)
    yield made
    made.close()


def test_saysWhatTheRealOneWould(
    listening: socket.socket, standIn: DeliveredSocket
) -> None:
    """
    Where it is, and what it is.
    """
    assert standIn.getsockname() == listening.getsockname()
    assert (standIn.family, standIn.type) == (listening.family, listening.type)
    assert standIn.fileno() >= 0
    for level, option in [
        REUSE,
        (socket.SOL_SOCKET, socket.SO_REUSEPORT),
        (socket.SOL_SOCKET, socket.SO_ACCEPTCONN),
        (socket.SOL_SOCKET, socket.SO_RCVBUF),
        (socket.SOL_SOCKET, socket.SO_TYPE),
    ]:
        said = standIn.getsockopt(level, option)
        assert said == listening.getsockopt(level, option)
    standIn.setblocking(False)
    standIn.listen(100)
    with pytest.raises(BlockingIOError):
        standIn.accept()


def test_doesNotHoldThePort(listening: socket.socket, standIn: DeliveredSocket) -> None:
    """
    When the primary has closed it, nobody can connect, though the worker lives.
    """
    name = listening.getsockname()
    with socket.socket(listening.family) as client:
        client.connect(name)
    listening.close()
    with socket.socket(standIn.family) as client, pytest.raises(ConnectionRefusedError):
        client.connect(name)
    assert standIn.getsockname() == name


def test_aCopyStandsForTheSame(standIn: DeliveredSocket) -> None:
    """
    It is known by any of its numbers.
    """
    with standIn.dup() as copy, socket.socket(standIn.family) as other:
        assert standIn.isAt(copy.fileno())
        assert standIn.isAt(standIn.fileno())
        assert not standIn.isAt(other.fileno())
        number = standIn.fileno()
        standIn.close()
        assert not standIn.isAt(copy.fileno())
    with pytest.raises(OSError, match="Bad file descriptor"):
        standIn.isAt(number)


def test_structuresAreSaidToo(listening: socket.socket, standIn: DeliveredSocket) -> None:
    """
    As they were when it was joined.
    """
    if listening.family == socket.AF_UNIX:
        return
    asked = socket.IPPROTO_TCP, socket.TCP_INFO, 32
    assert standIn.getsockopt(*asked) == listening.getsockopt(*asked)


def test_abstractNamesAreBytes(worker: Worker) -> None:
    """
    As Python has them.
    """
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(b"\0cluster\xff%d" % os.getpid())
        listening.listen()
        facts = asAnswered(factsOf(listening))
        with DeliveredSocket(facts, 1, worker.register.endings) as standIn:
            assert standIn.getsockname() == listening.getsockname()


def test_connectionsInheritItsOptions(standIn: DeliveredSocket) -> None:
    """
    What the application sets on a listening socket, its connections have; what means
    nothing to them is let be.
    """
    standIn.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    standIn.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, bytes(16))
    assert standIn.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    ours, theirs = socket.socketpair(standIn.family if standIn.family == 1 else 1)
    standIn.handed.append(Handed(theirs.detach(), 1, ""))
    accepted, _ = standIn.accept()
    assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    accepted.close()
    ours.close()


def test_whatIsLetGoOfHasNothingToAccept() -> None:
    """
    Though the loop is told that somebody connects; it is let go of once.
    """
    listening = socket.create_server(("127.0.0.1", 0))
    polled = PolledSocket(listening.detach(), lambda: False, lambda: None)
    polled.setblocking(False)
    name = polled.getsockname()
    with socket.create_connection(name):
        polled.release()
        polled.release()
        assert polled.isReleased
        assert polled.getsockname() == name
        with pytest.raises(BlockingIOError):
            polled.accept()
    polled.close()


def test_whatCannotBeLetGoOfNowIsLetGoOfLater(listening: socket.socket) -> None:
    """
    It does not say that it is, for want of a descriptor.
    """
    with PolledSocket(os.dup(listening.fileno()), lambda: False, lambda: None) as held:
        with fewDescriptors(0), pytest.raises(OSError, match="Too many open files"):
            held.release()
        assert not held.isReleased
        held.release()
        assert held.isReleased
        assert socket.socket.getsockname(held) != listening.getsockname()
