"""
The mail stream, with real sockets and a real reactor.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.error import ConnectionLost
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from tests.leftovers import openNow
from tests.wire.poor import Poor, fewDescriptors, poor
from twisted_cluster.core import frames
from twisted_cluster.core.frames import HANDLE, Frame, packHead
from twisted_cluster.errors import (
    ChannelClosedError,
    ChannelClosedHereError,
    MailboxFullError,
    MessageError,
)
from twisted_cluster.wire import mail as module
from twisted_cluster.wire import mailroom
from twisted_cluster.wire.mail import Mail
from twisted_cluster.wire.mailroom import Mailroom


class End:
    """
    One end, and what has come to it.

    @ivar wrong: What its owner raises when told of something.
    """

    wrong: BaseException | None = None

    def __init__(self, end: socket.socket, room: Mailroom | None = None) -> None:
        self.come: list[tuple[Frame, int | None]] = []
        self.ended: list[Exception] = []
        self._waiting: list[tuple[int, Deferred[None]]] = []
        self.mail = Mail(reactor, end, self._take, self._end, room)

    def _take(self, come: Any) -> None:
        self.come += [(f._replace(body=bytes(f.body)), fd) for f, fd in come]
        self._look()
        if self.wrong is not None:
            raise self.wrong

    def _end(self, error: Exception) -> None:
        self.ended.append(error)
        self._look()

    def _look(self) -> None:
        for count, done in self._waiting:
            if not done.called and (len(self.come) >= count or self.ended):
                done.callback(None)

    def until(self, count: int) -> Deferred[None]:
        """
        Fires when so many frames have come, or the end.
        """
        done: Deferred[None] = Deferred()
        self._waiting.append((count, done))
        self._look()
        return done.addTimeout(20, reactor)


@pytest.fixture
def ends() -> Iterator[tuple[End, End]]:
    """
    Two ends; afterwards every descriptor is closed.
    """
    # A reactor that starts opens descriptors of its own.
    pytest_twisted.blockon(deferLater(reactor, 0, lambda: None))
    before = len(openNow())
    one, other = map(End, Mail.pair())
    yield one, other
    one.mail.close()
    other.mail.close()
    assert len(openNow()) == before


@pytest.fixture
def raw() -> Iterator[tuple[socket.socket, End]]:
    """
    A socket, and the end that reads what is written to it.
    """
    hostile, theirs = Mail.pair()
    end = End(theirs)
    yield hostile, end
    hostile.close()
    end.mail.close()


@pytest.fixture
def room() -> Mailroom:
    """
    Where several streams share their part.
    """
    return Mailroom.make(3_000_000)


def pairOf(room: Mailroom) -> tuple[End, End]:
    """
    Two ends that share a room with others.
    """
    one, other = Mail.pair()
    return End(one, room), End(other, room)


def text(body: bytes) -> Frame:
    return Frame(frames.MESSAGE, body=body)


@pytest_twisted.ensureDeferred
async def test_framesArriveInOrder(ends: tuple[End, End]) -> None:
    """
    Small and large, sent in one go, they come as they were sent.
    """
    here, there = ends
    sent = [text(bytes([n]) * (1 << n)) for n in range(20)] * 2
    for frame in sent:
        here.mail.send(frame)
    await there.until(len(sent))
    assert [frame for frame, _ in there.come] == sent


@pytest_twisted.ensureDeferred
async def test_whoSendsIsHeldUpByWhoDoesNotRead(ends: tuple[End, End]) -> None:
    """
    What the kernel has no room for is not taken, until the other end reads.
    """
    here, there = ends
    there.mail.pause()
    taken = here.mail.send(text(bytes(10_000_000)))
    await deferLater(reactor, 0, lambda: None)
    assert not taken.called
    assert here.mail.waiting > 8_000_000
    there.mail.resume()
    await taken.addTimeout(20, reactor)
    assert here.mail.waiting == 0
    await here.mail.flushed()
    await there.until(1)


@pytest_twisted.ensureDeferred
async def test_moreThanRoomIsRefused(ends: tuple[End, End]) -> None:
    """
    The queue has a limit; beyond it a message fails, and those before still go.
    """
    here, there = ends
    here.mail._outgoing._room.share = 1_000_000
    there.mail.pause()
    first = here.mail.send(text(bytes(900_000)))
    with pytest.raises(MailboxFullError, match="no room"):
        await here.mail.send(text(bytes(900_000)))
    there.mail.resume()
    await first
    await there.until(1)


@pytest_twisted.ensureDeferred
async def test_theEndFailsWhatWaits(ends: tuple[End, End]) -> None:
    """
    When the other process goes, what it has not taken fails, as does what comes after.
    """
    here, there = ends
    there.mail.pause()
    waiting = here.mail.send(text(bytes(10_000_000)))
    flushed = here.mail.flushed()
    there.mail.close()
    with pytest.raises(ChannelClosedError):
        await waiting
    await flushed
    for _ in range(2):
        with pytest.raises(ChannelClosedError) as raised:
            await here.mail.send(text(b""))
        assert type(raised.value) is ChannelClosedError
    assert [type(error) for error in here.ended] == [ChannelClosedError]


@pytest_twisted.ensureDeferred
async def test_whoHasClosedItIsTold(ends: tuple[End, End]) -> None:
    """
    What this process has closed is not called gone: what waits and what comes after
    fails with an error of its own kind.
    """
    here, there = ends
    there.mail.pause()
    waiting = here.mail.send(text(bytes(10_000_000)))
    here.mail.close()
    for lost in (waiting, here.mail.send(text(b""))):
        with pytest.raises(ChannelClosedHereError, match="this process has closed"):
            await lost


@pytest_twisted.ensureDeferred
async def test_descriptorsComeWithTheirFrames(ends: tuple[End, End]) -> None:
    """
    Each with its own, whatever else is under way.
    """
    here, there = ends
    pipes = [os.pipe() for _ in range(40)]
    for n, (reading, writing) in enumerate(pipes):
        os.write(writing, b"%d" % n)
        os.close(writing)
        here.mail.send(text(bytes(n * 1000)))
        here.mail.send(Frame(frames.MESSAGE, HANDLE, n), reading)
        os.close(reading)
    await there.until(80)
    for frame, fd in there.come:
        assert (fd is not None) == bool(frame.flags & HANDLE)
        if fd is not None:
            assert os.read(fd, 10) == b"%d" % frame.number
            assert not os.get_inheritable(fd)
            os.close(fd)


@pytest_twisted.ensureDeferred
async def test_descriptorsThatWaitAreClosedWithTheStream(ends: tuple[End, End]) -> None:
    """
    A copy that was made for sending does not stay behind.
    """
    here, there = ends
    there.mail.pause()
    failed = [here.mail.send(text(bytes(10_000_000)))]
    failed.append(here.mail.send(Frame(frames.MESSAGE, HANDLE), 0))
    here.mail.close()
    for each in failed:
        with pytest.raises(ChannelClosedError):
            await each


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize(
    "data",
    [
        b"\xff" * 100,
        packHead(Frame(frames.MESSAGE, HANDLE)),
        packHead(text(b""))[:4] + b"\xff" * 8 + bytes(12),
    ],
    ids=["garbage", "no descriptor", "4 GB twice"],
)
async def test_whatIsNoFrameEndsIt(raw: tuple[socket.socket, End], data: bytes) -> None:
    """
    A process that breaks the rules is heard no more.
    """
    hostile, end = raw
    hostile.sendall(data)
    await end.until(1)
    assert [isinstance(error, MessageError) for error in end.ended] == [True]
    assert end.come == []


@pytest_twisted.ensureDeferred
async def test_descriptorsWithoutFramesEndIt(raw: tuple[socket.socket, End]) -> None:
    """
    Nobody can fill our table with descriptors that belong to nothing.
    """
    hostile, end = raw
    before = len(openNow())
    for _ in range(module.FEW + 1):
        socket.send_fds(hostile, [packHead(text(b""))], [0])
    await end.until(module.FEW + 2)
    assert [type(error) for error in end.ended] == [MessageError]
    assert len(openNow()) < before


def test_flushNowNeedsNoReactor() -> None:
    """
    At its end a script can still say what it has to say.
    """
    ours, theirs = Mail.pair()
    mail = Mail(reactor, ours, lambda come: None, lambda error: None)
    for _ in range(3):
        mail.send(text(b"last"))
    mail.flushNow(5.0)
    assert mail.waiting == 0
    expected = b"".join(packHead(text(b"last")) + b"last" for _ in range(3))
    assert theirs.recv(1000) == expected
    mail.close()
    mail.flushNow(5.0)
    theirs.close()


def aTurn(seconds: float = 0) -> Deferred[None]:
    return deferLater(reactor, seconds, lambda: None)


@pytest.fixture
def poorEnds() -> Iterator[tuple[End, Poor, End]]:
    """
    Two ends, the first on a system that fails at times.
    """
    one, other = Mail.pair()
    socket_ = poor(one)
    here, there = End(socket_), End(other)
    yield here, socket_, there
    here.mail.close()
    there.mail.close()


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("wrong", [errno.ENOBUFS, errno.ENOMEM, errno.ETOOMANYREFS])
async def test_aSystemWithoutRoomIsAskedAgain(
    poorEnds: tuple[End, Poor, End], wrong: int
) -> None:
    """
    The other process is not gone: what was sent arrives, in order, and so does what it
    sends.
    """
    here, system, there = poorEnds
    system.wrong = wrong
    sent = [here.mail.send(text(b"%d" % n)) for n in range(3)]
    there.mail.send(text(b"from there"))
    await aTurn(0.02)
    assert not any(each.called for each in sent)
    assert (here.come, there.come, here.ended) == ([], [], [])
    system.wrong = 0
    await there.until(3)
    await here.until(1)
    assert [frame.body for frame, _ in there.come] == [b"0", b"1", b"2"]
    assert here.come == [(text(b"from there"), None)]


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize(
    "wrong", [SystemExit(), asyncio.CancelledError(), KeyboardInterrupt(), ValueError()]
)
async def test_whateverItsOwnerRaisesItReadsOn(
    ends: tuple[End, End], wrong: BaseException
) -> None:
    """
    What comes after is delivered.
    """
    here, there = ends
    there.wrong = wrong
    here.mail.send(text(b"first"))
    await there.until(1)
    there.wrong = None
    here.mail.send(text(b"second"))
    await there.until(2)
    assert there.ended == []


@pytest_twisted.ensureDeferred
async def test_whoWaitsIsToldThoughItsOwnerFails(ends: tuple[End, End]) -> None:
    """
    When the stream ends.
    """
    here, there = ends
    there.mail.pause()

    def fail(error: Exception) -> None:
        raise SystemExit("when it was told of the end")

    here.mail._closed = fail
    sent = here.mail.send(text(b"x" * (1 << 22)))
    there.mail.close()
    with pytest.raises(ChannelClosedError):
        await sent.addTimeout(5.0, reactor)


@pytest_twisted.ensureDeferred
async def test_whatTheReactorLetsGoOfGoesOn(ends: tuple[End, End]) -> None:
    """
    Both ways.
    """
    here, there = ends
    there.mail.pause()
    sent = here.mail.send(text(bytes(1_000_000)))
    for end in (here, there):
        reactor.removeReader(end.mail)  # type: ignore[attr-defined]
        reactor.removeWriter(end.mail)  # type: ignore[attr-defined]
        end.mail.connectionLost(Failure(ConnectionLost()))
    there.mail.resume()
    await sent
    await there.until(1)
    there.mail.send(text(b"back"))
    await here.until(1)


@pytest_twisted.ensureDeferred
async def test_whoWaitsForAFlushNeedNotWaitForEver(ends: tuple[End, End]) -> None:
    """
    Who does not read is not gone: a time-out ends the waiting, and takes nothing from
    others who wait, nor from what is sent.
    """
    here, there = ends
    assert here.mail.flushed().called
    there.mail.pause()
    sent = here.mail.send(text(bytes(1_000_000)))
    flushed = here.mail.flushed()
    with pytest.raises(DeferredTimeout):
        await here.mail.flushed().addTimeout(0.02, reactor)
    assert not flushed.called
    there.mail.resume()
    await flushed
    await sent


@pytest_twisted.ensureDeferred
async def test_whoClosedItIsTold(ends: tuple[End, End]) -> None:
    """
    This process is not said to be another one that is gone, unless that was the reason.
    """
    here, there = ends
    there.mail.pause()
    waiting = here.mail.send(text(bytes(1_000_000)))
    here.mail.close()
    for failing in (waiting, here.mail.send(text(b""))):
        with pytest.raises(ChannelClosedHereError):
            await failing
    there.mail.close(ChannelClosedError("it is gone"))
    with pytest.raises(ChannelClosedError, match="it is gone") as caught:
        await there.mail.send(text(b""))
    assert not isinstance(caught.value, ChannelClosedHereError)
    assert (here.ended, there.ended) == ([], [])


@pytest_twisted.ensureDeferred
async def test_whatCameBeforeTheRulesWereBrokenIsHeard(
    raw: tuple[socket.socket, End],
) -> None:
    """
    And what came with it is its owner's to close.
    """
    hostile, end = raw
    good = packHead(Frame(frames.MESSAGE, HANDLE))
    socket.send_fds(hostile, [good * 2], [0])
    await end.until(2)
    ((_, fd),) = end.come
    assert fd is not None
    os.close(fd)
    assert [isinstance(error, MessageError) for error in end.ended] == [True]


@pytest_twisted.ensureDeferred
async def test_aDescriptorWithoutAFreeNumberIsTold(ends: tuple[End, End]) -> None:
    """
    Sending one says so; where one is dropped on the way its message comes without.
    """
    here, there = ends
    with fewDescriptors(0):
        with pytest.raises(OSError, match="Too many open files"):
            here.mail.send(Frame(frames.MESSAGE, HANDLE), 0)
        here.mail.send(text(b"alone"))
    there.mail.pause()
    await here.mail.send(Frame(frames.MESSAGE, HANDLE), 0)
    with fewDescriptors(0):
        there.mail.readOnce()
        there.mail.readOnce()
    assert [fd for _, fd in there.come] == [None, None]


def test_flushNowEndsInTime() -> None:
    """
    Where nobody reads, and where the system has no room.
    """
    ours, theirs = Mail.pair()
    system = poor(ours)
    mail = Mail(reactor, system, lambda come: None, lambda error: None)
    sent = mail.send(text(bytes(1_000_000)))
    sent.addErrback(lambda failure: failure.trap(ChannelClosedError))
    for wrong in (0, errno.ENOBUFS):
        system.wrong = wrong
        started = time.monotonic()
        mail.flushNow(0.05)
        assert 0.05 <= time.monotonic() - started < 5
    assert mail.waiting > 0
    mail.close()
    theirs.close()


@pytest_twisted.ensureDeferred
async def test_manyProcessesShareOneRoom(room: Mailroom) -> None:
    """
    What waits for one counts for all; what is sent, or lost with its stream, no more.
    """
    (here, there), others = pairOf(room), pairOf(room)
    others[1].mail.pause()
    waiting = others[0].mail.send(text(bytes(1_000_000)))
    used = room.sending.used
    assert used == others[0].mail.held > 1_000_000 > others[0].mail.waiting > 0
    room.sending.most = room.sending.share = used
    with pytest.raises(MailboxFullError, match="all processes"):
        await here.mail.send(text(b"more"))
    for other in others:
        other.mail.close()
    with pytest.raises(ChannelClosedHereError):
        await waiting
    assert room.sending.used == 0
    await here.mail.send(text(b"more"))
    await there.until(1)
    for end in (here, there):
        end.mail.close()


@pytest_twisted.ensureDeferred
async def test_longMessagesComeOneAfterTheOther(room: Mailroom) -> None:
    """
    If there is no room for two at a time; short ones need none.
    """
    pairs = [pairOf(room) for _ in range(3)]
    long = packHead(text(bytes(2_000_000))) + bytes(2_000_000)
    socks = [here.mail._socket for here, _ in pairs]
    (_, first), (_, second), (_, third) = pairs
    for n in (0, 1):
        assert socks[n].send(long[:100_000]) == 100_000
        await deferLater(reactor, 0, lambda: None)
    assert (first.mail._isHeld, second.mail._isHeld) == (False, True)
    pairs[2][0].mail.send(text(bytes(100_000)))
    await third.until(1)
    second.mail.pause()
    assert pairs[0][0].mail._socket is socks[0]
    await sendAll(socks[0], long[100_000:])
    await first.until(1)
    for _ in range(100):
        if not second.mail._isHeld:
            break
        await deferLater(reactor, 0.01, lambda: None)
    second.mail.resume()
    await sendAll(socks[1], long[100_000:])
    await second.until(1)
    for pair in pairs:
        for end in pair:
            end.mail.close()


@pytest_twisted.ensureDeferred
async def test_whoSendsHalfOfItKeepsTheRoomFromNobody(
    room: Mailroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    For long: who takes too much time while another waits breaks the rules.
    """
    monkeypatch.setattr(mailroom, "PATIENCE", 0.05)
    slow, other = pairOf(room), pairOf(room)
    long = packHead(text(bytes(2_000_000))) + bytes(2_000_000)
    for here, _ in (slow, other):
        here.mail._socket.send(long[:100_000])
    await slow[1].until(1)
    assert isinstance(slow[1].ended[0], MessageError)
    assert "a message of 2000024 bytes" in str(slow[1].ended[0])
    await sendAll(other[0].mail._socket, long[100_000:])
    await other[1].until(1)
    assert other[1].ended == []
    for end in (*slow, *other):
        end.mail.close()


@pytest_twisted.ensureDeferred
async def test_whoIsNotReadIsNotLate(
    room: Mailroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Nor who has sent what this process has not read yet.
    """
    monkeypatch.setattr(mailroom, "PATIENCE", 0.05)
    begun, other = pairOf(room), pairOf(room)
    long = packHead(text(bytes(2_000_000))) + bytes(2_000_000)
    begun[0].mail._socket.send(long[:100_000])
    await deferLater(reactor, 0.01, lambda: None)
    begun[1].mail.pause()
    sent = begun[0].mail._socket.send(long[100_000:200_000])
    other[0].mail._socket.send(long[:100_000])
    await deferLater(reactor, 0.4, lambda: None)
    assert begun[1].ended == []
    begun[1].mail.resume()
    await sendAll(begun[0].mail._socket, long[100_000 + sent :])
    await sendAll(other[0].mail._socket, long[100_000:])
    await other[1].until(1)
    assert [begun[1].ended, other[1].ended] == [[], []]
    for end in (*begun, *other):
        end.mail.close()


async def sendAll(end: socket.socket, data: bytes) -> None:
    """
    Send all of it, as the other end reads.
    """
    while data:
        try:
            data = data[end.send(data[:100_000]) :]
        except BlockingIOError:
            await deferLater(reactor, 0.001, lambda: None)
