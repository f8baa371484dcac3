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
from twisted_cluster.wire.handoff import Handed
from twisted_cluster.worker.ports.sockets import DeliveredSocket, PolledSocket

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


@pytest.fixture
def standIn(listening: socket.socket, worker: Worker) -> Iterator[DeliveredSocket]:
    """
    The worker's.
    """
    made = DeliveredSocket(
        os.dup(listening.fileno()),
        lambda: os.dup(listening.fileno()),
        worker.register.endings,
    )
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


def test_theRealOneCanBeBorrowed(
    listening: socket.socket, standIn: DeliveredSocket
) -> None:
    """
    For who duplicates it, or hands it on.
    """
    with standIn.dup() as real:
        assert real.getsockname() == listening.getsockname()
        assert real.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1


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
