"""
The control channel.
"""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Iterator

import pytest

from tests.wire.poor import fewDescriptors, poor
from twisted_cluster.core.messages import (
    LONGEST_MESSAGE,
    Answer,
    Message,
    Online,
    Pause,
    encode,
)
from twisted_cluster.errors import (
    ChannelClosedError,
    ChannelClosedHereError,
    ChannelFullError,
    MessageError,
)
from twisted_cluster.wire.channel import Channel

pytestmark = pytest.mark.usefixtures("nothingLeft")


@pytest.fixture
def channels() -> Iterator[tuple[Channel, Channel]]:
    """
    Both ends.
    """
    ours, theirs = Channel.pair()
    channels = ours, Channel(theirs)
    yield channels
    for channel in channels:
        channel.close()


@pytest.fixture
def raw() -> Iterator[tuple[Channel, socket.socket]]:
    """
    One end, and the socket of a hostile process.
    """
    ours, theirs = Channel.pair()
    with theirs:
        yield ours, theirs
    ours.close()


def fill(channel: Channel) -> int:
    """
    @return: How many messages a channel takes that nobody reads.
    """
    for count in range(10_000):
        try:
            channel.send(Pause(1, True))
        except ChannelFullError:
            return count
    raise AssertionError("it is never full")


def test_messagesAndDescriptorsComeAlong(channels: tuple[Channel, Channel]) -> None:
    """
    In order, each with its own.
    """
    here, there = channels
    here.send(Online())
    here.send(Answer(1), [0])
    assert there.hasCome()
    assert there.receive() == (Online(), None)
    message, fd = there.receive()
    assert message == Answer(1)
    assert fd is not None
    assert os.fstat(fd).st_ino == os.fstat(0).st_ino
    os.close(fd)
    assert not there.hasCome()
    with pytest.raises(BlockingIOError):
        there.receive()


def test_fullIsNotGone(channels: tuple[Channel, Channel]) -> None:
    """
    Who does not read is told later: what was sent before is all there.
    """
    here, there = channels
    count = fill(here)
    started = time.monotonic()
    here.waitForRoom(0.02)
    assert time.monotonic() - started >= 0.02
    heard: list[Message] = []
    while there.hasCome():
        heard.append(there.receive()[0])
    assert heard == [Pause(1, True)] * count
    here.waitForRoom(20)
    here.send(Online())
    assert there.receive() == (Online(), None)


def test_goneIsSaidAtBothEnds(channels: tuple[Channel, Channel]) -> None:
    """
    Not as what this process has done itself; what was said before is heard first.
    """
    here, there = channels
    there.send(Online())
    there.close()
    assert here.receive() == (Online(), None)
    for act in (here.receive, lambda: here.send(Online())):
        with pytest.raises(ChannelClosedError) as caught:
            act()
        assert not isinstance(caught.value, ChannelClosedHereError)


def test_whatWasNotReadIsAReset(channels: tuple[Channel, Channel]) -> None:
    """
    ECONNRESET, which is the end as well, but no earlier than without.
    """
    here, there = channels
    here.send(Online())
    there.send(Pause(1, True))
    there.close()
    assert here.receive() == (Pause(1, True), None)
    with pytest.raises(ChannelClosedError):
        here.receive()


def test_closedHereIsToldApart(channels: tuple[Channel, Channel]) -> None:
    """
    Whatever is asked of it then, and however often it is closed.
    """
    here, _ = channels
    here.close()
    here.close()
    assert not here.hasCome()
    here.wait(0)
    for act in (here.receive, lambda: here.send(Online())):
        with pytest.raises(ChannelClosedHereError):
            act()


@pytest.mark.parametrize(
    "wrong", [errno.ENOBUFS, errno.ENOMEM, errno.ETOOMANYREFS, errno.EAGAIN]
)
def test_aSystemWithoutRoomIsFull(wrong: int) -> None:
    """
    That passes; nothing is lost.
    """
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    end, there = poor(one), Channel(other)
    here = Channel(end)
    end.wrong = wrong
    with pytest.raises(ChannelFullError):
        here.send(Online())
    there.send(Online())
    with pytest.raises(OSError, match=os.strerror(wrong)):
        here.receive()
    end.wrong = 0
    assert here.receive() == (Online(), None)
    here.send(Online())
    assert there.receive() == (Online(), None)
    here.close()
    there.close()


def test_withoutAFreeNumberTheMessageComesAlone(
    channels: tuple[Channel, Channel],
) -> None:
    """
    EMFILE: the kernel drops the descriptor, which is not the end.
    """
    here, there = channels
    here.send(Answer(1), [0])
    with fewDescriptors(0):
        assert there.receive() == (Answer(1), None)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"nonsense",
        b'[1,"Drain",{"timeout":1%s}]' % (b"0" * 400),
        b"[" * LONGEST_MESSAGE,
        encode(Online()) + b" " * LONGEST_MESSAGE,
    ],
    ids=["empty", "nonsense", "10**400", "deep", "too long"],
)
def test_whatIsNoMessageIsRefused(
    raw: tuple[Channel, socket.socket], data: bytes
) -> None:
    """
    An error of ours, whatever it is, and the next is heard.
    """
    here, hostile = raw
    hostile.send(data)
    hostile.send(encode(Online()))
    with pytest.raises(MessageError):
        here.receive()
    assert here.receive() == (Online(), None)


def test_thePrimaryIsSentNoDescriptors(raw: tuple[Channel, socket.socket]) -> None:
    """
    The system refuses it, or else this does; nothing stays open.
    """
    here, hostile = raw
    for data in (b"", b"x", encode(Online())):
        try:
            socket.send_fds(hostile, [data], [0] * 50)
        except PermissionError:
            continue
        with pytest.raises(MessageError):
            here.receive()


@pytest.mark.parametrize("data", [b"", b"x", encode(Online())])
def test_descriptorsWhereNoneBelongAreClosed(data: bytes) -> None:
    """
    Where the system does not refuse them.
    """
    ours, hostile = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    here = Channel(ours, 0)
    with hostile:
        socket.send_fds(hostile, [data], [0] * 50)
        with pytest.raises(MessageError):
            here.receive()
        with fewDescriptors(0):
            socket.send_fds(hostile, [data], [0] * 50)
            with pytest.raises(MessageError):
                here.receive()
    here.close()


def test_aBlockingWaitEnds(channels: tuple[Channel, Channel]) -> None:
    """
    With what comes, or with the time.
    """
    here, there = channels
    started = time.monotonic()
    here.wait(0.02)
    assert time.monotonic() - started >= 0.02
    # Its time was over before it began.
    here.wait(-0.001)
    there.send(Online())
    here.wait(20)
    assert here.receive() == (Online(), None)


def test_whatBothShowIsNotAsked(channels: tuple[Channel, Channel]) -> None:
    """
    How many messages have been sent says whether one has come; who shows nothing is asked
    for, once it has sent anything.
    """
    here, there = channels
    shown = {"here": 0, "there": 0}
    there.send(Online())
    here.count(lambda sent: shown.update(here=sent), lambda: shown["there"])
    assert not here.hasCome()
    there.count(lambda sent: shown.update(there=sent), lambda: shown["here"])
    assert here.hasCome()
    here.receive()
    assert not here.hasCome()
    here.send(Online())
    assert (shown, there.hasCome()) == ({"here": 1, "there": 1}, True)
    shown["there"] = 0
    assert not here.hasCome()
    there.send(Online())
    there.send(Online())
    assert shown["there"] == 3
    shown["there"] = 1 << 62
    here.receive()
    assert here.hasCome()
    here.receive()
    assert not here._poll.poll(0)
