"""
Messages, questions and answers between two ends, with real sockets.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater

from twisted_cluster.core import frames
from twisted_cluster.core.codecs import JSON, codecNamed
from twisted_cluster.core.frames import Frame, packHead
from twisted_cluster.errors import (
    AskFailedError,
    AskTimeoutError,
    ChannelClosedError,
    HandleError,
    NotSerializableError,
)
from twisted_cluster.talk import peer as module
from twisted_cluster.talk.peer import Ears, Peer, hearNothing
from twisted_cluster.wire.mail import Mail


def aTurn(seconds: float = 0) -> Deferred[None]:
    return deferLater(reactor, seconds, lambda: None)


class Side:
    """
    A peer, and what it has said.
    """

    def __init__(self, end: socket.socket, codec: str = "json") -> None:
        self.heard: list[Any] = []
        self.ended: list[Exception] = []
        self.topics: list[Frame] = []
        self._waiting: list[tuple[int, Deferred[None]]] = []
        ears = Ears(self.topics.append, self.ended.append)
        self.peer = Peer(reactor, end, codecNamed(codec), ears)

    def listen(self) -> None:
        """
        Hear messages from now on.
        """
        self.peer.ears.message = self._hear
        self.peer.listen()

    def _hear(self, message: Any, handle: Any) -> None:
        self.heard.append(message)
        for count, done in self._waiting:
            if len(self.heard) == count:
                done.callback(None)

    def until(self, count: int) -> Deferred[None]:
        """
        Fires when so many messages have been heard.
        """
        done: Deferred[None] = Deferred()
        self._waiting.append((count, done))
        return done.addTimeout(20, reactor)

    def say(self, message: object) -> Deferred[None]:
        """
        Send a message.
        """
        return self.peer.send(message, None, b"", False)


@pytest.fixture
def sides() -> Iterator[tuple[Side, Side]]:
    """
    The two ends of a stream.
    """
    one, other = Mail.pair()
    sides = Side(one), Side(other, "advanced")
    yield sides
    for side in sides:
        side.peer.close()
        side.peer.drop()


@pytest_twisted.ensureDeferred
async def test_messagesWaitForAListener(sides: tuple[Side, Side]) -> None:
    """
    What came before there was one comes first; each end may use its own codec.
    """
    here, there = sides
    for n in range(100):
        await here.say(n)
    await aTurn()
    there.listen()
    await here.say("last")
    await there.until(101)
    assert there.heard == [*range(100), "last"]
    here.listen()
    await there.say({b"bytes"})
    await here.until(1)
    assert here.heard == [{b"bytes"}]


@pytest_twisted.ensureDeferred
async def test_whatNobodyHearsIsBounded(
    sides: tuple[Side, Side], monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    With enough unheard, no more is read: the sender is held up. Nothing is lost.
    """
    monkeypatch.setattr(module, "UNHEARD_COUNT", 10)
    here, there = sides
    sent = [here.say("x" * 100_000) for _ in range(40)]
    await aTurn(0.05)
    assert not sent[-1].called
    assert here.peer.mail.waiting > 1_000_000
    there.listen()
    await there.until(40)
    await sent[-1]


@pytest_twisted.ensureDeferred
async def test_questionsAreAnswered(sides: tuple[Side, Side]) -> None:
    """
    With a value, a Deferred, or a coroutine; also those that came before the handler.
    """
    here, there = sides
    early = here.peer.ask(1, 20)

    async def later(question: Any) -> Any:
        await aTurn()
        return [question]

    def answer(question: Any) -> Any:
        return later(question) if question == 3 else question + 1

    await aTurn()
    there.peer.ears.ask = answer
    there.peer.listen()
    assert await early == 2
    assert await here.peer.ask(2, 20) == 3
    assert await here.peer.ask(3, 20) == [3]


@pytest_twisted.ensureDeferred
async def test_aQuestionFailsWithWhatWentWrong(sides: tuple[Side, Side]) -> None:
    """
    An error at the other end, an answer that cannot be sent, no answer in time, no
    process: each its own.
    """
    here, there = sides
    hearNothing(there.peer)
    with pytest.raises(AskFailedError, match="nobody answers"):
        await here.peer.ask(1, 20)
    with pytest.raises(NotSerializableError):
        here.peer.ask(b"bytes", 20)
    there.peer.ears.ask = lambda question: Deferred()
    with pytest.raises(AskTimeoutError, match=r"within 0\.01 s"):
        await here.peer.ask(1, 0.01)
    cancelled = here.peer.ask(1, 20)
    cancelled.cancel()
    with pytest.raises(CancelledError):
        await cancelled
    lost = here.peer.ask(1, 20)
    there.peer.close()
    with pytest.raises(ChannelClosedError):
        await lost
    with pytest.raises(ChannelClosedError):
        await here.peer.ask(1, 20)


@pytest_twisted.ensureDeferred
async def test_manyQuestionsEachHaveTheirTime(sides: tuple[Side, Side]) -> None:
    """
    One timer serves all: the short ones do not wait for the long ones.
    """
    here, there = sides
    there.peer.ears.ask = lambda question: Deferred()
    long = here.peer.ask(1, 30)
    short = [here.peer.ask(n, 0.01 * n) for n in range(1, 4)]
    for each in short:
        with pytest.raises(AskTimeoutError):
            await each
    assert not long.called
    there.peer.close()
    with pytest.raises(ChannelClosedError):
        await long


@pytest_twisted.ensureDeferred
async def test_lastWordsAreHeardInOrder(sides: tuple[Side, Side]) -> None:
    """
    Who looks whether the other process has ended, before a message, and reads on then,
    hears what came after it after it.
    """
    here, there = sides
    there.listen()
    there.peer.ears.before = there.peer.finish
    for n in range(200):
        here.say([n, "x" * 5000])
    here.peer.mail.flushNow(0)
    await there.until(200)
    assert [message[0] for message in there.heard] == list(range(200))


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize(
    ("kind", "body"),
    [(frames.MESSAGE, b"{"), (frames.ASK, b"\xff"), (frames.ANSWER, b"")],
)
async def test_whatCannotBeDecodedIsLost(kind: int, body: bytes) -> None:
    """
    That message, question or answer, and nothing else.
    """
    hostile, end = Mail.pair()
    side = Side(end)
    side.listen()
    side.peer.ears.ask = lambda question: question
    answer = side.peer.ask("?", 20)
    hostile.sendall(packHead(Frame(kind, 0, 1, b"", body)) + body)
    good = JSON.encode("good")
    hostile.sendall(packHead(Frame(frames.MESSAGE, body=good)) + good)
    await side.until(1)
    assert side.heard == ["good"]
    if kind == frames.ANSWER:
        with pytest.raises(AskFailedError, match="the answer is lost"):
            await answer
    side.peer.close()
    if kind != frames.ANSWER:
        with pytest.raises(ChannelClosedError):
            await answer
    hostile.close()


@pytest_twisted.ensureDeferred
async def test_aDescriptorThatIsNoSocketIsDropped() -> None:
    """
    The message arrives, what came with it does not.
    """
    hostile, end = Mail.pair()
    side = Side(end)
    side.listen()
    body = JSON.encode("hello")
    frame = packHead(Frame(frames.MESSAGE, frames.HANDLE, body=body)) + body
    before = len(os.listdir("/proc/self/fd"))
    with open(os.devnull) as nothing:
        socket.send_fds(hostile, [frame], [nothing.fileno()])
    await side.until(1)
    assert side.heard == ["hello"]
    assert len(os.listdir("/proc/self/fd")) == before
    side.peer.close()
    hostile.close()


@pytest_twisted.ensureDeferred
async def test_whatCannotBeSentIsRefusedAtOnce(sides: tuple[Side, Side]) -> None:
    """
    A message or a handle of no such kind raises, before anything is sent.
    """
    here, there = sides
    there.listen()
    closed = socket.socket()
    closed.close()
    with pytest.raises(NotSerializableError):
        here.say(object())
    with pytest.raises(HandleError, match="what can is"):
        here.peer.send(1, object(), b"", False)
    with pytest.raises(HandleError, match="closed"):
        here.peer.send(1, closed, b"", False)
    await here.say("after")
    await there.until(1)
    assert there.heard == ["after"]
