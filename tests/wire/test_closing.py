"""
What others may have had a hand in, and its end.
"""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import pytest

from tests.leftovers import isIdle
from tests.process.cluster import eventually
from twisted_cluster.wire import closing
from twisted_cluster.wire.closing import MOST, Closer, discard, discardEnd
from twisted_cluster.wire.passing import give, isOver, take

pytestmark = pytest.mark.usefixtures("nothingLeft")


@contextmanager
def soon() -> Iterator[None]:
    """
    Nobody waits, for as long as the block lasts; what lingers ends with it.
    """
    begun = time.monotonic()
    yield
    assert time.monotonic() - begun < 1.0
    while LEFT:
        LEFT.pop().close()


def lingering() -> socket.socket:
    """
    A socket that, closed, waits until its peer, who is in no hurry, has read all.
    """
    with socket.create_server(("127.0.0.1", 0)) as server:
        one = socket.create_connection(server.getsockname())
        other, _ = server.accept()
    one.setblocking(False)
    with suppress(BlockingIOError):
        while True:
            one.send(bytes(1 << 16))
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 3))
    LEFT.append(other)
    return one


LEFT: list[socket.socket] = []


def messages() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


@pytest.mark.parametrize("most", [0, 1, 2])
def test_nobodyLingersForWhatIsNotWanted(most: int) -> None:
    """
    Whoever sent a socket, and set how long it takes to close it.
    """
    one, other = messages()
    with one, other:
        with lingering() as sent, lingering() as alsoSent:
            give(one, [b"x"], [sent.fileno(), alsoSent.fileno()])
        with soon():
            _, fds, _, _ = take(other, 100, most)
            discard(fds)


def test_nobodyLingersForWhatLiesInASocket() -> None:
    """
    Closed, a UNIX socket closes what lies in it unread.
    """
    one, sent = socket.socketpair()
    with one:
        with lingering() as inner:
            give(one, [b"x"], [inner.fileno()])
        with soon():
            discard([sent.detach()])


def test_nobodyLingersAtTheEndOfAWire() -> None:
    """
    Its other end sees it at once, whatever has not been read.
    """
    one, other = messages()
    with one:
        with lingering() as sent:
            give(one, [b"x"], [sent.fileno()])
        with soon():
            discardEnd(other)
            assert isOver(one)
            with pytest.raises(ConnectionError):
                one.send(b"x")
        discardEnd(other)


def test_whatIsNoSocketIsDiscardedToo() -> None:
    """
    Pipes and files, and what is closed already.
    """
    discard(os.pipe())
    discard([os.open("/dev/null", os.O_RDONLY)])
    discard(())
    discard([10**6])


def test_whatCannotBeClosedHoldsUpOnlyItself(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    As long as a few do so; what is beyond that waits, and is closed after all.
    """
    reading, writing = os.pipe()
    given = [os.dup(reading) for _ in range(MOST + 5)]
    stuck = set(given[:MOST])

    def close(fd: int) -> None:
        if fd in stuck:
            os.read(reading, 1)
        real(fd)

    real: Callable[[int], None] = os.close
    monkeypatch.setattr(closing.os, "close", close)
    closer = Closer()
    for fd in given:
        closer.close([fd])
    os.write(writing, b"x" * MOST)
    eventually(lambda: isIdle(closer), "all is closed")
    monkeypatch.undo()
    for fd in given:
        with pytest.raises(OSError):  # noqa: PT011
            os.fstat(fd)
    for fd in (reading, writing):
        os.close(fd)


def test_withoutAThreadItIsClosedLater(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    When the system has one again, with what is closed next.
    """

    def fail(run: object, given: object) -> None:
        raise RuntimeError("can't start new thread")

    closer = Closer()
    with monkeypatch.context() as patched:
        patched.setattr(closing._thread, "start_new_thread", fail)
        closer.close(os.pipe())
    closer.close(os.pipe())
    eventually(lambda: isIdle(closer), "all is closed")


def test_nobodyWaitsUntilAThreadRuns(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Others may have the processors for a while.
    """
    waiting: list[Callable[[], None]] = []
    monkeypatch.setattr(
        closing._thread, "start_new_thread", lambda run, given: waiting.append(run)
    )
    closer, (reading, writing) = Closer(), os.pipe()
    closer.close([writing])
    assert os.get_blocking(writing)
    waiting.pop()()
    assert os.read(reading, 1) == b""
    os.close(reading)


def test_whateverIsWrongWithinItIsClosed() -> None:
    """
    The thread goes on with the next one.
    """

    def fail(fd: int) -> Sequence[int]:
        raise ValueError

    closer, (reading, writing) = Closer(), os.pipe()
    closer.close([writing], fail)
    eventually(lambda: isIdle(closer), "all is closed")
    assert os.read(reading, 1) == b""
    os.close(reading)
