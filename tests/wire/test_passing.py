"""
Descriptors that travel with bytes.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections.abc import Iterator

import pytest

from tests.leftovers import openNow
from tests.wire.poor import fewDescriptors, poor
from twisted_cluster.wire.passing import closeAll, give, isOver, take

pytestmark = pytest.mark.usefixtures("nothingLeft")

Ends = tuple[socket.socket, socket.socket]


@pytest.fixture
def messages() -> Iterator[Ends]:
    """
    Two ends that keep messages apart.
    """
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with one, other:
        yield one, other


@pytest.fixture
def stream() -> Iterator[Ends]:
    """
    Two ends of a stream.
    """
    one, other = socket.socketpair()
    with one, other:
        yield one, other


def test_whatIsGivenIsTaken(messages: Ends) -> None:
    """
    Bytes and descriptors, which children do not inherit.
    """
    one, other = messages
    assert give(one, [b"ab", memoryview(b"c")], [one.fileno(), other.fileno()]) == 3
    data, fds, isTruncated, isCut = take(other, 100, 2)
    assert (data, len(fds), isTruncated, isCut) == (b"abc", 2, False, False)
    assert not any(map(os.get_inheritable, fds))
    assert os.fstat(fds[0]).st_ino == os.fstat(one.fileno()).st_ino
    closeAll(fds)
    give(one, [b"x"])
    data, fds, isTruncated, isCut = take(other, 100, 2)
    assert (data, len(fds), isTruncated, isCut) == (b"x", 0, False, False)


@pytest.mark.parametrize("sent", [2, 3, 9])
def test_whatIsTooMuchIsClosed(messages: Ends, sent: int) -> None:
    """
    Also what comes because the kernel rounds its room up; that it was more is said.
    """
    one, other = messages
    give(one, [b"x"], [one.fileno()] * sent)
    _, fds, isTruncated, _ = take(other, 100, 1)
    assert (len(fds), isTruncated) == (1, True)
    closeAll(fds)


@pytest.mark.parametrize("free", [0, 3])
def test_whatThereIsNoNumberForIsSaid(messages: Ends, free: int) -> None:
    """
    Truncated is not the end: the bytes are all there.
    """
    one, other = messages
    give(one, [b"x"], [one.fileno()] * 8)
    with fewDescriptors(free):
        data, fds, isTruncated, _ = take(other, 100, 8)
    assert (data, len(fds), isTruncated) == (b"x", free, True)
    closeAll(fds)


def test_aMessageThatIsTooLongIsCut(messages: Ends) -> None:
    """
    That it was longer is said.
    """
    one, other = messages
    give(one, [b"x" * 101])
    data, fds, isTruncated, isCut = take(other, 100, 1)
    assert (data, len(fds), isTruncated, isCut) == (b"x" * 100, 0, False, True)


def test_anEmptyMessageIsNotTheEnd(messages: Ends) -> None:
    """
    Both look alike: the socket tells.
    """
    one, other = messages
    give(one, [b""])
    assert take(other, 100, 1)[0] == b""
    assert not isOver(other)
    one.close()
    assert take(other, 100, 1)[0] == b""
    assert isOver(other)


def test_whatWasSaidLastIsHeardBeforeAReset(messages: Ends) -> None:
    """
    Who ends with something unread may have said something before.
    """
    one, other = messages
    give(other, [b"unread"])
    give(one, [b"last words"])
    one.close()
    assert take(other, 100, 1)[0] == b"last words"
    assert take(other, 100, 1)[0] == b""
    assert isOver(other)


def test_anEndIsTheEnd(stream: Ends) -> None:
    """
    Of a stream as well.
    """
    one, other = stream
    assert not isOver(other)
    one.close()
    data, fds, isTruncated, _ = take(other, 100, 1)
    assert (data, len(fds), isTruncated) == (b"", 0, False)
    assert isOver(other)


def fill(end: socket.socket) -> None:
    """
    Give more than any end takes.
    """
    for _ in range(10_000):
        give(end, [b"x" * 1000])


def test_nothingBlocks(messages: Ends) -> None:
    """
    Neither an empty nor a full one, though the socket would.
    """
    one, other = messages
    one.setblocking(True)
    other.setblocking(True)
    with pytest.raises(BlockingIOError):
        take(other, 100, 1)
    with pytest.raises(BlockingIOError):
        fill(one)


def test_whoIsGoneIsSaid(messages: Ends) -> None:
    """
    EPIPE.
    """
    one, other = messages
    other.close()
    with pytest.raises(BrokenPipeError):
        give(one, [b"x"])


@pytest.mark.parametrize("wrong", [errno.ENOBUFS, errno.ENOMEM, errno.ECONNRESET])
def test_otherFailuresPass(messages: Ends, wrong: int) -> None:
    """
    Whoever asked knows best; nothing is lost.
    """
    one, other = map(poor, messages)
    with one, other:
        give(one, [b"x"], [one.fileno()])
        one.wrong = other.wrong = wrong
        with pytest.raises(OSError, match=os.strerror(wrong)):
            give(one, [b"y"])
        with pytest.raises(OSError, match=os.strerror(wrong)):
            take(other, 100, 1)
        other.wrong = 0
        data, fds, _, _ = take(other, 100, 1)
        assert data == b"x"
        closeAll(fds)


@pytest.mark.skipif(sys.platform != "linux", reason="of Linux")
def test_processesThatComeAlongAreClosed(messages: Ends) -> None:
    """
    Whoever has a socket can have the kernel send the descriptor of a process with each
    message.
    """
    one, other = messages
    try:
        # SO_PASSPIDFD
        other.setsockopt(socket.SOL_SOCKET, 76, 1)
    except OSError:
        pytest.skip("this system has no such option")
    before = openNow()
    give(one, [b"x"], [one.fileno()])
    _, fds, isTruncated, _ = take(other, 100, 1)
    assert (len(fds), isTruncated) == (1, False)
    closeAll(fds)
    assert openNow() == before
