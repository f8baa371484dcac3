"""
The control channel at a worker's end.
"""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Callable, Iterator
from threading import Thread, Timer
from typing import cast

import pytest
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from tests.logged import logging
from twisted_cluster.core.messages import (
    Answer,
    Drain,
    Leaving,
    Limit,
    Listen,
    Message,
    Pause,
    Unlisten,
)
from twisted_cluster.core.socket_facts import SocketFacts
from twisted_cluster.errors import ChannelClosedError, ChannelFullError
from twisted_cluster.events import TCP, ListenSpec
from twisted_cluster.reactors import IClusterReactor
from twisted_cluster.wire.channel import Channel
from twisted_cluster.worker import control as module
from twisted_cluster.worker import inquiry
from twisted_cluster.worker.control import MESSAGES_A_TURN, Control

SPEC = ListenSpec(TCP, "", 80)


class Reactor(MemoryReactorClock):
    """
    Keeps what other threads would have it call.
    """

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Callable[[], object]] = []

    def callFromThread(self, callee: Callable[[], object]) -> None:
        self.asked.append(callee)


class Talking:
    """
    A worker's control channel, and the primary's end.
    """

    def __init__(self) -> None:
        self.primary, theirs = Channel.pair()
        self.channel = Channel(theirs)
        self.reactor = Reactor()
        self.heard: list[Message] = []
        self.ends = 0
        whole = cast(IClusterReactor, self.reactor)
        self.counted: list[int] = []
        self.control = Control(
            whole, self.channel, self.heard.append, self.end, self.count
        )

    def count(self, listener: int, fd: int) -> None:
        os.fstat(fd)
        self.counted.append(listener)

    def end(self) -> None:
        self.ends += 1
        self.control.close()

    def told(self) -> list[Message]:
        """
        What the primary hears.
        """
        messages: list[Message] = []
        try:
            while True:
                messages.append(self.primary.receive()[0])
        except (BlockingIOError, ChannelClosedError):
            return messages

    def answering(self, *answers: Answer, fd: int | None = None) -> Thread:
        """
        Have the primary answer, meanwhile.
        """

        def answer() -> None:
            for each in answers:
                self.primary.wait(5.0)
                self.asked = self.primary.receive()[0]
                self.primary.send(each, [] if fd is None else [fd])

        thread = Thread(target=answer)
        thread.start()
        return thread

    def close(self) -> None:
        """
        The end.
        """
        self.control.close()
        self.primary.close()


@pytest.fixture
def talking() -> Iterator[Talking]:
    """
    Both ends.
    """
    made = Talking()
    yield made
    made.close()


def test_listensAreAnsweredWithASocket(talking: Talking) -> None:
    """
    Or with why there is none.
    """
    with socket.socket() as listening:
        thread = talking.answering(Answer(1, 3), fd=listening.fileno())
        joined = talking.control.listen(SPEC, 2, 7)
        thread.join()
    assert talking.asked == Listen(1, SPEC, 2, ".", 7)
    assert (joined.number, joined.ordinal) == (3, 2)
    os.close(joined.fd)
    thread = talking.answering(Answer(2, 0, errno.EACCES, "no"))
    with pytest.raises(OSError) as caught:  # noqa: PT011
        talking.control.listen(SPEC, 0, None)
    thread.join()
    assert caught.value.errno == errno.EACCES


def test_withoutANumberForTheSocketNothingIsListenedOn(talking: Talking) -> None:
    """
    Nor does the primary believe so: it may be asked again, when there is one.
    """
    thread = talking.answering(Answer(1, 3), Answer(2, 3))
    with pytest.raises(OSError) as caught:  # noqa: PT011
        talking.control.listen(SPEC, 0, None)
    thread.join()
    assert caught.value.errno == errno.EMFILE
    assert talking.asked == Unlisten(2, 3)


def test_whereThePrimaryAcceptsNoSocketComes(talking: Talking) -> None:
    """
    But what there is to say of it.
    """
    facts = SocketFacts(socket.AF_INET, ("127.0.0.1", 80), [(1, 2, 3), (4, 5, "ff")])
    thread = talking.answering(Answer(1, 3, socket=facts))
    joined = talking.control.listen(SPEC, 0, None, 3)
    thread.join()
    assert talking.asked == Listen(1, SPEC, listener=3)
    assert (joined.fd, joined.socket) == (None, facts)


def test_withoutAPrimaryNothingIsListenedOn(talking: Talking) -> None:
    """
    And nothing has to be given back.
    """
    talking.primary.close()
    with pytest.raises(OSError, match="the primary is gone"):
        talking.control.listen(SPEC, 0, None)
    talking.control.unlisten(1)
    talking.control.pause(1, True)


def test_whatThisWorkerHasClosedIsNotThePrimarysEnd(talking: Talking) -> None:
    """
    Nobody is said to be gone.
    """
    talking.control.close()
    with pytest.raises(OSError, match="this process has closed the channel") as raised:
        talking.control.listen(SPEC, 0, None)
    assert raised.value.errno == errno.ENOTCONN
    with capturedLogs() as logs:
        talking.control.unlisten(1)
        talking.control.pause(1, True)
    assert logs == []


def test_statesAreToldAsTheyAreInTheEnd(talking: Talking) -> None:
    """
    Though the primary does not read for a while: each listener's newest state arrives,
    after what was told before.
    """
    talking.control.say(Leaving(True))
    for _ in range(600):
        talking.control.pause(1, True)
        talking.control.pause(1, False)
        talking.control.limit(2, 5)
    talking.control.limit(2, 6)
    talking.control.pause(3, True)
    with pytest.raises(ChannelFullError):
        talking.channel.send(Leaving())
    told: list[Message] = []
    deadline = time.monotonic() + 5.0
    while Pause(3, True) not in told:
        assert time.monotonic() < deadline
        told += talking.told()
        talking.reactor.advance(0.1)
    assert told[0] == Leaving(True)
    assert [one for one in told if isinstance(one, Pause)][-2:] == [
        Pause(1, False),
        Pause(3, True),
    ]
    assert [one for one in told if isinstance(one, Limit)][-1] == Limit(2, 6)


def test_whatIsToldAtTheEndArrives(
    talking: Talking, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Though there was no room for it just then; who reads nothing is not waited for.
    """
    while True:
        try:
            talking.channel.send(Leaving())
        except ChannelFullError:
            break
    talking.control.say(Limit(1, 5))
    monkeypatch.setattr(module, "LAST_CHANCE", 10.0)
    heard: list[Message] = []
    reading = Timer(0.02, lambda: heard.extend(talking.told()))
    reading.start()
    talking.control.close()
    reading.join()
    heard += talking.told()
    assert heard[-1] == Limit(1, 5)


def test_whoReadsNothingIsNotWaitedFor(talking: Talking) -> None:
    """
    The worker ends all the same.
    """
    while len(talking.control._outbox) == 0:
        talking.control.say(Leaving())
    started = time.monotonic()
    talking.control.close()
    assert time.monotonic() - started < 5.0


def test_aTurnHasAnEnd(talking: Talking) -> None:
    """
    Whatever the primary says, in one turn so much is heard.
    """
    for _ in range(MESSAGES_A_TURN + 1):
        talking.primary.send(Drain(1.0))
    talking.control.read()
    assert len(talking.heard) == MESSAGES_A_TURN
    talking.control.readEarlier()
    assert len(talking.heard) == MESSAGES_A_TURN + 1


def test_whatCameMeanwhileIsHeardInANextTurn(talking: Talking) -> None:
    """
    Not while somebody waits for an answer.
    """
    for _ in range(MESSAGES_A_TURN + 1):
        talking.primary.send(Drain(1.0))
    thread = talking.answering(Answer(1, 3))
    talking.control.unlisten(3)
    thread.join()
    assert talking.asked == Unlisten(1, 3)
    assert talking.heard == []
    talking.reactor.asked.pop()()
    assert len(talking.heard) == MESSAGES_A_TURN
    talking.reactor.asked.pop()()
    assert len(talking.heard) == MESSAGES_A_TURN + 1


def test_whatCameMeanwhileIsHeardThoughNoAnswerCame(
    talking: Talking, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    It may be that this worker is to end.
    """
    monkeypatch.setattr(inquiry, "ANSWERED_WITHIN", 0.05)
    talking.primary.send(Drain(1.0))
    with pytest.raises(TimeoutError):
        talking.control.listen(SPEC, 0, None)
    talking.reactor.asked.pop()()
    assert talking.heard == [Drain(1.0)]


def test_aListenThatIsAnsweredTooLateIsUndone(
    talking: Talking, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    The worker has gone on without; what was asked besides is let be.
    """
    monkeypatch.setattr(inquiry, "ANSWERED_WITHIN", 0.05)
    for ask in (
        lambda: talking.control.listen(SPEC, 0, None),
        lambda: talking.control.listen(SPEC, 1, None),
    ):
        with pytest.raises(TimeoutError):
            ask()
    talking.control.unlisten(7)
    talking.told()
    talking.primary.send(Answer(1, 3), [0])
    talking.primary.send(Answer(2, 0, errno.EACCES, "no"))
    talking.primary.send(Answer(3, 7))
    talking.control.read()
    assert talking.told() == [Unlisten(0, 3)]


def test_theEndIsToldOnce(talking: Talking) -> None:
    """
    Who closes the channel is not told; then nothing is read.
    """
    talking.primary.send(Drain(1.0))
    talking.primary.close()
    talking.control.read()
    talking.control.read()
    assert talking.heard == [Drain(1.0)]
    assert talking.ends == 1
    assert talking.reactor.getReaders() == []


class WrongTests(SynchronousTestCase):
    """
    What comes is wrong, or who hears it is.
    """

    def test_itIsReadOn(self) -> None:
        """
        What is no message is read over, and so is one whose hearer fails.
        """
        talking = Talking()
        self.addCleanup(talking.close)
        talking.primary._socket.send(b"[1, {}")
        talking.primary.send(Drain(1.0))
        reader = talking.reactor.getReaders()[0]
        reader.doRead()
        talking.reactor.advance(1.0)
        reader.doRead()
        assert talking.heard == [Drain(1.0)]
        self.flushLoggedErrors()


def test_whatNobodyIsToHearIsNotComplainedOf() -> None:
    """
    A worker that ends has closed the channel before its ports say that they close.
    """
    talking = Talking()
    talking.control.close()
    with logging() as logged:
        talking.control.pause(1, True)
        talking.control.unlisten(1)
    assert logged.texts() == []
