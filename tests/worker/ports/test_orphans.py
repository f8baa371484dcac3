"""
Sockets that are let go of when the primary is gone.
"""

from __future__ import annotations

import socket
import threading
import time

import pytest

from tests.worker.doubles import FakeControl, Worker


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
