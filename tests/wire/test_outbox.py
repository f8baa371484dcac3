"""
What is told over a channel that may be full.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from socket import socket

import pytest
from twisted.internet.task import Clock

from tests.wire.poor import fewDescriptors
from twisted_cluster.core.allowance import Allowance
from twisted_cluster.core.messages import (
    Answer,
    Limit,
    Listening,
    Message,
    Online,
    Pause,
)
from twisted_cluster.errors import ChannelFullError, MessageError
from twisted_cluster.wire import outbox as module
from twisted_cluster.wire.channel import Channel
from twisted_cluster.wire.outbox import LATEST, MOST_UNREAD, SOONEST, Outbox

FILLING = Listening("127.0.0.1", 80, 4)


class Told:
    """
    An outbox, and the process at its other end.
    """

    def __init__(self) -> None:
        self.clock = Clock()
        ours, theirs = Channel.pair()
        self.channel, self.other = ours, Channel(theirs)
        self.outbox = Outbox(ours, self.clock)

    def fill(self) -> int:
        """
        Say something until it waits.

        @return: How often.
        """
        said = 0
        while not len(self.outbox):
            self.outbox.say(FILLING)
            said += 1
        return said

    def read(self, most: int = 10_000) -> list[tuple[Message, int | None]]:
        """
        What has come to the other process.
        """
        come = []
        try:
            while len(come) < most:
                come.append(self.other.receive())
        except BlockingIOError:
            pass
        return come

    def readAll(self) -> list[Message]:
        """
        What comes to it until nothing waits.
        """
        messages: list[Message] = []
        for _ in range(1000):
            messages += [message for message, _ in self.read()]
            if not len(self.outbox):
                break
            self.clock.advance(LATEST)
        return messages + [message for message, _ in self.read()]


@pytest.fixture
def told(nothingLeft: None) -> Iterator[Told]:
    """
    Both ends.
    """
    made = Told()
    yield made
    made.outbox.close()
    made.channel.close()
    made.other.close()
    assert made.clock.getDelayedCalls() == []


def test_whereThereIsRoomItIsToldAtOnce(told: Told) -> None:
    """
    Nothing waits, no timer runs.
    """
    assert told.outbox.say(Online())
    assert told.read() == [(Online(), None)]
    assert told.clock.getDelayedCalls() == []
    assert len(told.outbox) == 0


def test_aFullChannelLosesNothing(told: Told) -> None:
    """
    What does not fit is told later, all of it, and in order.
    """
    said = told.fill()
    later = [Answer(n) for n in range(100)]
    for message in later:
        assert told.outbox.say(message)
    assert told.readAll() == [FILLING] * said + later


def test_ofStatesTheNewestIsTold(told: Told) -> None:
    """
    However often a port is paused and served again, what is told last is what is true.
    """
    said = told.fill()
    for turn in range(10_000):
        told.outbox.say(Pause(1, turn % 2 == 0))
        told.outbox.say(Pause(2, turn % 2 == 1))
        told.outbox.say(Limit(1, turn))
    assert len(told.outbox) <= 4
    heard = told.readAll()[said:]
    assert heard == [Pause(1, False), Pause(2, True), Limit(1, 9999)]


def test_aDescriptorWaitsWithItsMessage(told: Told) -> None:
    """
    It is a copy: the caller may close its own at once.
    """
    told.fill()
    reading, writing = os.pipe()
    told.outbox.say(Answer(1), [reading])
    os.close(reading)
    os.write(writing, b"x")
    os.close(writing)
    told.read()
    told.clock.advance(LATEST)
    (*_, (message, fd)) = told.read()
    assert message == Answer(1)
    assert fd is not None
    assert os.read(fd, 2) == b"x"
    os.close(fd)


def test_withoutANumberForACopyTheMessageIsToldAlone(told: Told) -> None:
    """
    Who waits for an answer has one.
    """
    told.fill()
    with socket() as given, fewDescriptors(0):
        assert told.outbox.say(Answer(1), [given.fileno()])
    told.read()
    told.clock.advance(LATEST)
    *_, last = told.read()
    assert last == (Answer(1), None)


def test_whatWaitsIsBounded(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Who never reads is told so many messages and no more; states still change.
    """
    monkeypatch.setattr(module, "MOST_UNREAD", 10)
    told.fill()
    told.outbox.say(Pause(1, True))
    for n in range(8):
        told.outbox.say(Answer(n))
    with pytest.raises(ChannelFullError):
        told.outbox.say(Answer(9))
    assert told.outbox.say(Pause(1, False))
    assert len(told.outbox) == 10


def test_descriptorsThatWaitAreFew(told: Told) -> None:
    """
    What else is told may still wait.
    """
    told.fill()
    for n in range(module.MOST_DESCRIPTORS):
        told.outbox.say(Answer(n), [0])
    with pytest.raises(ChannelFullError):
        told.outbox.say(Answer(99), [0])
    assert told.outbox.say(Answer(100))
    told.outbox.close()


def test_whoDoesNotReadIsTriedMoreAndMoreRarely(told: Told) -> None:
    """
    One that reads again is told soon.
    """
    told.fill()
    told.outbox.say(Online())
    waits = []
    for _ in range(8):
        (call,) = told.clock.getDelayedCalls()
        waits.append(call.getTime() - told.clock.seconds())
        told.clock.advance(waits[-1])
    assert waits[0] == pytest.approx(SOONEST)
    assert waits[-1] == pytest.approx(LATEST)
    assert len(told.readAll()) > 1


def test_whoIsGoneIsToldNothing(told: Told) -> None:
    """
    That is no error: what is told of a state matters to nobody any more.
    """
    told.fill()
    told.other.close()
    told.clock.advance(SOONEST)
    assert not told.outbox.isOpen
    assert len(told.outbox) == 0
    assert not told.outbox.say(Online())


def test_whatIsTooLongIsSaidAtOnce(told: Told) -> None:
    """
    Also where it would wait.
    """
    tooLong = Answer(1, reason="x" * 20_000)
    for _ in range(2):
        with pytest.raises(MessageError):
            told.outbox.say(tooLong)
        told.fill()


def test_blockingUntilAllIsTold(told: Told) -> None:
    """
    Where no reactor runs any more; who does not read is not waited for longer.
    """
    told.fill()
    assert not told.outbox.flushNow(0.01)
    told.read(50)
    assert told.outbox.flushNow(5.0)


def test_whereThereIsRoomButNoMemoryItDoesNotSpin(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    The kernel says that there is room all the same.
    """
    tries = []

    def refuse(message: Message, fds: object = ()) -> None:
        tries.append(message)
        raise ChannelFullError("no memory")

    monkeypatch.setattr(told.channel, "send", refuse)
    told.outbox.say(Online())
    assert not told.outbox.flushNow(10 * SOONEST)
    assert len(tries) <= 12
    told.outbox.close()


def test_closedOutboxLetsGo(told: Told) -> None:
    """
    Copies of descriptors are closed with it, and nothing more is told.
    """
    told.fill()
    with socket() as given:
        told.outbox.say(Answer(1), [given.fileno()])
    told.outbox.close()
    told.outbox.close()
    assert not told.outbox.say(Online())


class TestPace:
    """
    Of what is frequent so many messages are told as may be.
    """

    @pytest.fixture
    def paced(self, told: Told) -> Told:
        """
        One at once, and one in a second.
        """
        told.outbox = Outbox(told.channel, told.clock, Allowance(1.0, 1.0))
        assert told.outbox.say(Listening("127.0.0.1", 1, 4))
        assert len(told.read()) == 1
        return told

    def test_whatIsTakenBackIsNotTold(self, paced: Told) -> None:
        """
        As if it had never been; others are.
        """
        for port in (2, 3):
            paced.outbox.say(Listening("127.0.0.1", port, 4))
            assert len(paced.outbox) == port - 1
        paced.outbox.takeBack(Listening("127.0.0.1", 2, 4))
        paced.outbox.takeBack(Listening("127.0.0.1", 9, 4))
        assert paced.readAll() == [Listening("127.0.0.1", 3, 4)]

    def test_inTimeAllAreTold(self, paced: Told) -> None:
        """
        One after the other.
        """
        said = [Listening("127.0.0.1", port, 4) for port in range(2, 7)]
        for message in said:
            paced.outbox.say(message)
        paced.clock.advance(SOONEST)
        paced.clock.advance(SOONEST)
        assert [message for message, _ in paced.read()] == said[:1]
        assert paced.readAll() == said[1:]

    def test_whatFollowsIsToldBehindThem(self, paced: Told) -> None:
        """
        At once: somebody may wait for it.
        """
        first, then = Pause(1, True), Limit(1, 9)
        paced.outbox.say(first)
        paced.outbox.say(then)
        assert [message for message, _ in paced.read()] == [first, then]
        assert paced.outbox.flushNow(1.0)
        paced.clock.advance(LATEST)

    def test_whatIsTooMuchIsToldAllTheSame(self, paced: Told) -> None:
        """
        As long as there is room.
        """
        told = 0
        for port in range(MOST_UNREAD + 9):
            paced.outbox.say(Listening("127.0.0.1", port, 4))
            told += len(paced.read())
        assert told > 9
