"""
Messages, questions and answers between two ends, with real sockets.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater

from tests.leftovers import openNow
from tests.logged import logging
from tests.wire.poor import fewDescriptors
from twisted_cluster.core import frames
from twisted_cluster.core.codecs import JSON, codecNamed
from twisted_cluster.core.frames import Frame, packHead
from twisted_cluster.errors import (
    AskFailedError,
    AskTimeoutError,
    ChannelClosedError,
    ChannelClosedHereError,
    HandleError,
    MailboxFullError,
    MessageTooLongError,
    NotSerializableError,
)
from twisted_cluster.talk import hearing
from twisted_cluster.talk.ears import Ears, hearNothing
from twisted_cluster.talk.peer import Peer
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
    monkeypatch.setattr(hearing, "UNHEARD_COUNT", 10)
    here, there = sides
    sent = [here.say("x" * 100_000) for _ in range(40)]
    await aTurn(0.05)
    assert not sent[-1].called
    assert here.peer.mail.waiting > 1_000_000
    there.listen()
    await there.until(40)
    await sent[-1]


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("limit", ["UNHEARD_BYTES", "UNHEARD_COUNT"])
async def test_questionsThatNobodyAnswersHoldUpNothing(
    sides: tuple[Side, Side], monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    """
    So many wait for somebody who does; one more is refused, and what else comes is heard.
    """
    monkeypatch.setattr(hearing, limit, 3)
    here, there = sides
    there.listen()
    asked = [here.peer.ask(n, 20.0) for n in range(4)]
    with pytest.raises(AskFailedError, match="nobody answers"):
        await asked[3]
    come = there.until(1)
    await here.say("heard")
    await come
    there.peer.ears.ask = lambda question: question
    there.peer.listen()
    assert [await answer for answer in asked[:3]] == [0, 1, 2]
    assert await here.peer.ask(4, 20.0) == 4


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
    hearNothing(there.peer.ears)
    with pytest.raises(AskFailedError, match="nobody answers"):
        await here.peer.ask(1, 20)
    there.peer.ears.isDeaf = False
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
    with pytest.raises(ChannelClosedHereError):
        await there.peer.ask(1, 20)
    for question in (lost, here.peer.ask(1, 20)):
        with pytest.raises(ChannelClosedError) as raised:
            await question
        assert not isinstance(raised.value, ChannelClosedHereError)


def test_aQuestionThatIsTooLongIsNone(
    sides: tuple[Side, Side], monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Nobody waits for its answer, which would be a time-out that nobody hears of.
    """
    here, _ = sides
    monkeypatch.setattr(frames, "LONGEST_FRAME", 100)
    with pytest.raises(MessageTooLongError):
        here.peer.ask("x" * 101, 20)
    assert here.peer._questions.take(1) is None


@pytest_twisted.ensureDeferred
async def test_questionsFailThatCannotBeSent(sides: tuple[Side, Side]) -> None:
    """
    Those for which there is no room fail at once, those that wait to be sent when the
    other end is gone.
    """
    here, there = sides
    there.peer.mail.pause()
    here.peer.mail._outgoing._room.share = 1 << 21
    asked = [here.peer.ask("x" * (1 << 19), 20) for _ in range(4)]
    with pytest.raises(MailboxFullError):
        await asked[-1]
    there.peer.close()
    for each in asked[:3]:
        with pytest.raises(ChannelClosedError):
            await each


@pytest_twisted.ensureDeferred
async def test_whoHasClosedTheChannelIsTold(sides: tuple[Side, Side]) -> None:
    """
    What waits for an answer then fails as what is sent afterwards does.
    """
    here, _ = sides
    lost = here.peer.ask(1, 20)
    here.peer.close()
    with pytest.raises(ChannelClosedHereError, match="no answer will come: this process"):
        await lost
    with pytest.raises(ChannelClosedHereError):
        await here.say("too late")


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
    before = len(openNow())
    with open(os.devnull) as nothing:
        socket.send_fds(hostile, [frame], [nothing.fileno()])
    await side.until(1)
    assert side.heard == ["hello"]
    assert len(openNow()) == before
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


WRONG = [
    ValueError("wrong"),
    SystemExit("enough"),
    asyncio.CancelledError(),
    CancelledError(),
    KeyboardInterrupt(),
]


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: repr(wrong)[:20])
@pytest.mark.parametrize("who", ["message", "topic", "before"])
async def test_whateverWhoHearsRaisesTheNextIsHeard(
    sides: tuple[Side, Side], who: str, wrong: BaseException
) -> None:
    """
    The process is neither deaf nor said to be gone.
    """
    here, there = sides

    failed: Deferred[None] = Deferred()

    def fail(*heard: object) -> None:
        failed.called or failed.callback(None)
        raise wrong

    there.listen()
    setattr(there.peer.ears, who, fail)
    await here.say("lost on who fails")
    await here.peer.tell(frames.PUBLISH, 1, b"topic", b"")
    await failed
    there.listen()
    await here.say("heard")
    await there.until(2 if who != "message" else 1)
    assert there.heard[-1] == "heard"
    assert there.peer.isOpen
    assert there.ended == []


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize(
    "body",
    [b"", b"[" * 200_000, b'{"a":' * 200_000, b" " + b"9" * 5000, b"\xff"],
    ids=["empty", "deep", "deep object", "huge", "no text"],
)
async def test_whatIsNoMessageIsLostAlone(sides: tuple[Side, Side], body: bytes) -> None:
    """
    What came with it is closed, and the next one is heard.
    """
    here, there = sides
    there.listen()
    frame = Frame(frames.MESSAGE, frames.HANDLE, 0, b"", body)
    with socket.socket() as given:
        await here.peer.mail.send(frame, given.fileno())
    await here.say("next")
    await there.until(1)
    assert there.heard == ["next"]


@pytest_twisted.ensureDeferred
async def test_lastWordsAreHeardToTheEnd(sides: tuple[Side, Side]) -> None:
    """
    All that the other process had sent before it ended, in one go, in order.
    """
    here, there = sides
    there.listen()
    there.peer.mail.pause()
    for n in range(1000):
        here.say(n)
    await here.peer.mail.flushed()
    here.peer.close()
    there.peer.finish()
    assert there.heard == list(range(1000))


@pytest_twisted.ensureDeferred
async def test_lastWordsHaveAnEnd(sides: tuple[Side, Side]) -> None:
    """
    Who goes on writing is heard no longer than the kernel could hold what it had sent.
    """
    here, there = sides
    heard = 0

    def hear(message: object, handle: object) -> None:
        nonlocal heard
        heard += 1
        here.say("x" * 10_000)
        here.peer.mail.doWrite()

    there.peer.ears.message = hear
    there.peer.mail.pause()
    for _ in range(10):
        here.say("x" * 10_000)
    there.peer.finish()
    assert 10 < heard < 200


@pytest_twisted.ensureDeferred
async def test_aTurnOfTheLoopIsNotAllMessages(sides: tuple[Side, Side]) -> None:
    """
    Others are served between: a timer is not kept waiting until all is heard.
    """
    here, there = sides
    there.listen()
    there.peer.mail.pause()
    sent = [here.say(n) for n in range(4 * hearing.FRAMES_A_TURN)]
    await aTurn()
    there.peer.mail.resume()
    counts: list[int] = []
    while not counts or counts[-1] < len(sent):
        await aTurn()
        counts.append(len(there.heard))
    steps = [after - before for before, after in zip([0, *counts], counts)]
    assert max(steps) <= 2 * hearing.FRAMES_A_TURN
    assert there.heard == list(range(len(sent)))


@pytest_twisted.ensureDeferred
async def test_whoClosedItIsToldToWhoAsked(sides: tuple[Side, Side]) -> None:
    """
    This process, the other one, or the other one's breach of the rules.
    """
    here, there = sides
    asked = [side.peer.ask("?", 10.0) for side in sides]
    here.peer.close()
    with pytest.raises(ChannelClosedHereError):
        await asked[0]
    with pytest.raises(ChannelClosedError) as caught:
        await asked[1]
    assert not isinstance(caught.value, ChannelClosedHereError)
    assert [type(error) for error in here.ended] == [ChannelClosedHereError]
    await aTurn()
    assert len(there.ended) == 1


@pytest_twisted.ensureDeferred
async def test_withoutAFreeDescriptorItStaysHere(sides: tuple[Side, Side]) -> None:
    """
    Who sends something along goes on with it, and is told; so does who adopts it.
    """
    here, there = sides
    handles: list[Any] = []
    come: Deferred[None] = Deferred()

    def hear(message: object, handle: object) -> None:
        handles.append(handle)
        come.callback(None)

    there.peer.ears.message = hear
    one, other = socket.socketpair()
    with other:
        with fewDescriptors(0), pytest.raises(HandleError, match="Too many open files"):
            await here.peer.send("mine", one, b"", False)
        assert one.fileno() >= 0
        await here.peer.send("yours", one, b"", False)
        assert one.fileno() == -1
        await come
        with fewDescriptors(0), pytest.raises(HandleError, match="cannot be served now"):
            handles[0].adopt(Factory.forProtocol(Protocol))
        transport = handles[0].adopt(Factory.forProtocol(Protocol))
        transport.write(b"served")
        await aTurn(0.01)
        assert other.recv(10) == b"served"
        transport.abortConnection()


@pytest_twisted.ensureDeferred
async def test_whatNobodyHearsIsNotDecoded(sides: tuple[Side, Side]) -> None:
    """
    Nor kept, however long it is; what comes behind it is heard.
    """
    here, there = sides
    there.listen()
    there.peer.ears.isHeard = lambda: False
    before = len(openNow())
    here.peer.mail.send(Frame(frames.MESSAGE, body=b"no message" * 2000))
    here.peer.mail.send(Frame(frames.MESSAGE, frames.HANDLE, 0, b"", b" " * 20_000), 0)
    await here.peer.mail.send(Frame(frames.MESSAGE, body=b"[" * 3_000_000))
    assert here.peer.mail.held == 0
    there.peer.ears.isHeard = lambda: True
    await here.say("heard")
    await there.until(1)
    assert there.heard == ["heard"]
    for _ in range(1000):
        if len(openNow()) == before:
            break
        await aTurn(0.005)
    assert len(openNow()) == before
    assert there.peer.mail._frames._rest == b""


@pytest_twisted.ensureDeferred
async def test_nonsenseDoesNotFillTheLog(sides: tuple[Side, Side]) -> None:
    """
    That some is lost is said once a minute.
    """
    here, there = sides
    there.listen()
    with logging() as logged:
        for _ in range(100):
            here.peer.mail.send(Frame(frames.MESSAGE, body=b"no message"))
        await here.say("heard")
        await there.until(1)
    assert sum("is lost" in text for text in logged.texts()) == 1
