"""
Sockets that are let go of when the primary is gone.
"""

from __future__ import annotations

import socket
import threading
import time
from typing import Any

import pytest
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import DatagramProtocol, Factory, Protocol
from twisted.python.failure import Failure

from tests.wire.poor import fewDescriptors
from tests.worker.doubles import FakeControl, Worker
from twisted_cluster.core.messages import SHARED
from twisted_cluster.events import ListenOptions
from twisted_cluster.worker.ports import orphans as module
from twisted_cluster.worker.ports.datagrams import UDPPort
from twisted_cluster.worker.ports.streams import TCPPort


class Slow:
    """
    A socket that is let go of.

    @ivar released: When, or L{None}.
    """

    released: float | None = None

    def release(self) -> None:
        self.released = time.monotonic()


class Broken(Slow):
    """
    One that cannot be let go of.
    """

    def release(self) -> None:
        raise OSError("not now")


def test_aSleepingWorkerLetsGo() -> None:
    """
    Within a tenth of a second after the primary is gone, though the main thread sleeps;
    what cannot be let go of holds nothing else back, and what was closed is let be.
    """
    worker = Worker(FakeControl())
    held, closed = [Slow(), Broken(), Slow()], Slow()
    for one in (*held, closed):
        worker.register.orphans.hold(one)
    worker.register.orphans.forget(closed)
    time.sleep(0.1)
    assert [one.released for one in held] == [None] * 3
    gone = time.monotonic()
    worker.wire.close()
    time.sleep(0.3)
    for one in (held[0], held[2]):
        assert one.released is not None
        assert one.released - gone < 0.2
    assert closed.released is None
    worker.close()


def test_aLoopThatIsAtItHasLonger(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    It lets go itself when who waits in the backlog is served, though not in any time.
    """
    for longer, isLate in ((5.0, False), (0.05, True)):
        monkeypatch.setattr(module, "LONGER", longer)
        worker, held = Worker(FakeControl()), Slow()
        orphans = worker.register.orphans
        orphans.hold(held)
        worker.wire.close()
        with orphans.attended():
            time.sleep(module.GRACE + 0.2)
            assert (held.released is not None) == isLate
        assert orphans._thread is not None
        orphans._thread.join(5.0)
        assert held.released is not None
        worker.close()


def test_whoHoldsNothingHasNoThread() -> None:
    """
    There is nothing to wait for.
    """
    worker = Worker(FakeControl())
    orphans = worker.register.orphans
    assert orphans._thread is None
    with socket.socket():
        orphans.hold(Slow())
    assert orphans._thread is not None
    assert orphans._thread.daemon
    worker.wire.close()
    orphans._thread.join(5.0)
    assert not orphans._thread.is_alive()
    worker.close()


def test_withoutRoomForAThreadItIsDoneWithout(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Who listens is told nothing of it, and the next one tries again.
    """
    worker = Worker(FakeControl())
    orphans = worker.register.orphans

    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        orphans.hold(Slow())
    assert orphans._thread is None
    held = Slow()
    orphans.hold(held)
    worker.wire.close()
    assert orphans._thread is not None
    orphans._thread.join(5.0)
    assert held.released is not None
    worker.close()


@pytest.mark.parametrize("kind", ["tcp", "udp"])
def test_aLoopThatGoesOnReadsItNoMore(kind: str) -> None:
    """
    What it polls is gone: that is no failure, and its number is free for others.
    """
    with bound(kind) as real:
        worker = Worker(FakeControl(real, SHARED))
        reactor: Any = EPollReactor()
        reactor.clusterPorts = worker.register
        port = portOf(kind, reactor)
        port.startListening()
        assert port in reactor.getReaders()
        worker.wire.close()
        thread = worker.register.orphans._thread
        assert thread is not None
        thread.join(5.0)
        assert port.socket.isReleased
        port.release()
        assert port not in reactor.getReaders()
        assert port.fileno() not in reactor._reads
        port.connectionLost(Failure(ConnectionDone()))
        reactor.removeAll()
        for reader in reactor._internalReaders:
            reader.connectionLost(Failure(ConnectionDone()))
        reactor._poller.close()
        worker.close()


@pytest.mark.parametrize("kind", ["tcp", "udp"])
def test_aWorkerAtItsLimitLetsGoToo(kind: str) -> None:
    """
    Though no descriptor is free for what takes the socket's place.
    """
    with bound(kind) as real:
        worker = Worker(FakeControl(real, SHARED))
        port = portOf(kind, worker.reactor)
        port.startListening()
        with fewDescriptors(0):
            worker.wire.shutdown(socket.SHUT_RDWR)
            thread = worker.register.orphans._thread
            assert thread is not None
            thread.join(5.0)
            assert socket.socket.getsockname(port.socket) == ("0.0.0.0", 0)
        port.connectionLost(Failure(ConnectionDone()))
        worker.close()


def bound(kind: str) -> socket.socket:
    """
    The socket that the primary has.
    """
    types = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
    made = socket.socket(socket.AF_INET, types[kind])
    made.setblocking(False)
    made.bind(("127.0.0.1", 0))
    if kind == "tcp":
        made.listen()
    return made


def portOf(kind: str, reactor: Any) -> Any:
    """
    A port that listens nowhere yet.
    """
    host, options = "127.0.0.1", ListenOptions()
    if kind == "tcp":
        return TCPPort(1, Factory.forProtocol(Protocol), 50, host, reactor, options)
    return UDPPort(1, DatagramProtocol(), host, 8192, reactor, options)
