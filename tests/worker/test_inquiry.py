"""
Questions that block until they are answered.
"""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Callable, Iterator
from threading import Thread

import pytest
from twisted.internet.task import Clock

from tests.wire.poor import poor
from twisted_cluster.core.messages import (
    Answer,
    Drain,
    Listen,
    Message,
    Pause,
    Unlisten,
)
from twisted_cluster.errors import ChannelClosedError, ChannelFullError
from twisted_cluster.events import TCP, ListenSpec
from twisted_cluster.wire.channel import Channel
from twisted_cluster.wire.outbox import Outbox
from twisted_cluster.worker import inquiry
from twisted_cluster.worker.inquiry import Inquiry

SPEC = ListenSpec(TCP, "", 80)


class Ends:
    """
    A worker that asks, and a primary whose part a thread plays.

    @ivar heard: What the primary has read.
    """

    def __init__(self) -> None:
        self.primary, theirs = Channel.pair()
        self.worker = Channel(theirs)
        self.outbox = Outbox(self.worker, Clock())
        self.inquiry = Inquiry(self.worker, self.outbox)
        self.heard: list[Message] = []

    def hear(self) -> Message:
        """
        Block until the primary reads a message.
        """
        deadline = time.monotonic() + 5.0
        while time.monotonic() < deadline:
            try:
                message, _ = self.primary.receive()
            except BlockingIOError:
                self.primary.wait(1.0)
            else:
                self.heard.append(message)
                return message
        raise AssertionError("nothing has come")

    def fill(self) -> int:
        """
        Have the worker say so much that there is no room for more.

        @return: How many messages that is.
        """
        for count in range(100_000):
            try:
                self.worker.send(Pause(count, True))
            except ChannelFullError:
                return count
        raise AssertionError("it is never full")


@pytest.fixture
def ends() -> Iterator[Ends]:
    """
    Two ends of a channel.
    """
    made = Ends()
    yield made
    made.outbox.close()
    made.worker.close()
    made.primary.close()


def during(play: Callable[[], object]) -> Thread:
    """
    Have something happen meanwhile.
    """
    thread = Thread(target=play)
    thread.start()
    return thread


def test_theAnswerIsWaitedFor(ends: Ends) -> None:
    """
    What comes before it is kept for later, in order, and so is a descriptor.
    """

    def answer() -> None:
        question = ends.hear()
        assert isinstance(question, Listen)
        ends.primary.send(Drain(1.0))
        ends.primary.send(Answer(question.question + 1))
        with socket.socket() as listening:
            ends.primary.send(Answer(question.question, 3), [listening.fileno()])

    thread = during(answer)
    found, fd = ends.inquiry.ask(Listen, SPEC, 0)
    thread.join()
    assert found.listener == 3
    assert fd is not None
    os.close(fd)
    assert ends.inquiry.hasCome()
    assert ends.inquiry.receive() == (Drain(1.0), None)
    assert ends.inquiry.receive() == (Answer(2), None)
    with pytest.raises(BlockingIOError):
        ends.inquiry.receive()


def test_aPrimaryThatIsGoneDoesNotAnswer(ends: Ends) -> None:
    """
    Asking fails at once.
    """
    ends.primary.close()
    with pytest.raises(ChannelClosedError):
        ends.inquiry.ask(Unlisten, 1)
    assert ends.inquiry.hasCome()


def test_aPrimaryThatIsSilentIsNotWaitedForForever(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Also if it has not even read what it was told before.
    """
    monkeypatch.setattr(inquiry, "ANSWERED_WITHIN", 0.05)
    with pytest.raises(TimeoutError, match=r"0\.05 s"):
        ends.inquiry.ask(Unlisten, 1)
    ends.fill()
    with pytest.raises(TimeoutError, match=r"0\.05 s"):
        ends.inquiry.ask(Unlisten, 1)


@pytest.mark.parametrize("wrong", [errno.ENOMEM, errno.ENOBUFS])
def test_aSystemWithoutMemoryIsWaitedFor(wrong: int) -> None:
    """
    The answer is still there: a question that fails the primary would take for asked.
    """
    primary, theirs = Channel.pair()
    end = poor(theirs)
    worker = Channel(end)

    def answer() -> None:
        primary.wait(5.0)
        primary.receive()
        end.wrong = wrong
        primary.send(Answer(1, 9))
        time.sleep(0.05)
        end.wrong = 0

    thread = during(answer)
    found, _ = Inquiry(worker, Outbox(worker, Clock())).ask(Unlisten, 9)
    thread.join()
    assert found.listener == 9
    worker.close()
    primary.close()


def test_aFullChannelIsWaitedFor(ends: Ends) -> None:
    """
    It is no dead primary: the question is asked when there is room, after what waits to
    be told.
    """
    count = ends.fill()
    ends.outbox.say(Pause(1, False))

    def answer() -> None:
        for _ in range(count + 1):
            ends.hear()
        question = ends.hear()
        assert isinstance(question, Unlisten)
        ends.primary.send(Answer(question.question, 9))

    thread = during(answer)
    found, _ = ends.inquiry.ask(Unlisten, 9)
    thread.join()
    assert found.listener == 9
    assert ends.heard[-2] == Pause(1, False)
