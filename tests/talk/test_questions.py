"""
Questions and their answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import globalLogPublisher

from twisted_cluster.core import frames
from twisted_cluster.core.codecs import JSON
from twisted_cluster.core.frames import Frame, FrameReader
from twisted_cluster.errors import (
    AskFailedError,
    AskTimeoutError,
    ChannelClosedError,
    ChannelClosedHereError,
)
from twisted_cluster.talk import questions as module
from twisted_cluster.talk.questions import LATE, Answering, Questions
from twisted_cluster.wire.mail import Mail


def outcome(waits: Deferred[object]) -> list[object]:
    """
    @return: Where what a Deferred fires with will be; of failures, the error.
    """
    fired: list[object] = []
    waits.addCallbacks(fired.append, lambda failure: fired.append(failure.value))
    return fired


def answer(number: int, message: object) -> Frame:
    return Frame(frames.ANSWER, number=number, body=JSON.encode(message))


def test_eachGetsItsOwnAnswer() -> None:
    """
    In whatever order they come; no timer is left.
    """
    clock = Clock()
    questions = Questions(clock)
    asked = [questions.add(10.0) for _ in range(3)]
    fired = [outcome(waits) for _, waits in asked]
    for number, _ in reversed(asked):
        questions.hear(answer(number, {"number": number}))
    assert fired == [[{"number": number}] for number, _ in asked]
    clock.advance(10.0)
    assert clock.getDelayedCalls() == []


def test_anAnswerThatComesTwiceOrUnaskedIsNone() -> None:
    """
    Nor one that comes too late, nor to what was cancelled.
    """
    clock = Clock()
    questions = Questions(clock)
    number, waits = questions.add(1.0)
    fired = outcome(waits)
    for frame in (answer(number, 1), answer(number, 2), answer(99, 3)):
        questions.hear(frame)
    assert fired == [1]
    number, waits = questions.add(1.0)
    fired = outcome(waits)
    waits.cancel()
    questions.hear(answer(number, 4))
    assert isinstance(fired[0], CancelledError)
    assert len(fired) == 1


def test_whoWaitsTooLongIsTold() -> None:
    """
    Each at its own time; one timer serves all.
    """
    clock = Clock()
    questions = Questions(clock)
    fired = [outcome(questions.add(timeout)[1]) for timeout in (3.0, 1.0, 2.0, 1.0)]
    assert len(clock.getDelayedCalls()) == 1
    for seconds, counts in (
        (1.0, (0, 1, 0, 1)),
        (1.0 + LATE, (0, 1, 1, 1)),
        (1.0 + LATE, (1, 1, 1, 1)),
    ):
        clock.advance(seconds)
        assert tuple(map(len, fired)) == counts
    assert all(isinstance(one[0], AskTimeoutError) for one in fired)
    assert "3.0 s" in str(fired[0][0])
    assert clock.getDelayedCalls() == []


def test_noTimeAtAllIsATimeOutSoon() -> None:
    """
    Not at once: who asked has no Deferred yet.
    """
    clock = Clock()
    fired = outcome(Questions(clock).add(0)[1])
    assert fired == []
    clock.advance(0)
    assert isinstance(fired[0], AskTimeoutError)


@pytest.mark.parametrize("timeout", [-1, 1e10, float("nan"), float("inf"), "1", None])
def test_aTimeOutIsANumberOfSeconds(timeout: float) -> None:
    """
    What is none is said, with what is.
    """
    with pytest.raises(ValueError, match="give seconds"):
        Questions(Clock()).add(timeout)


@pytest.mark.parametrize("error", [ChannelClosedError, ChannelClosedHereError])
def test_theEndAnswersAll(error: type[Exception]) -> None:
    """
    With what it was; whoever asks anew from there is not forgotten.
    """
    clock = Clock()
    questions = Questions(clock)
    _, waits = questions.add(5.0)
    again: list[list[object]] = []
    waits.addErrback(
        lambda failure: again.append(outcome(questions.add(1.0)[1])) or failure
    )
    fired = outcome(waits)
    questions.fail(error("the end"))
    assert [type(one) for one in fired] == [error]
    clock.advance(1.0)
    assert isinstance(again[0][0], AskTimeoutError)


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        (Frame(frames.REFUSAL, body=b"no idea"), "no idea"),
        (Frame(frames.REFUSAL, body=b"\xff\xfe"), "could not answer"),
        (Frame(frames.ANSWER, body=b"[" * 100_000), "is lost"),
        (Frame(frames.ANSWER, body=b""), "is lost"),
        (Frame(frames.ANSWER, frames.ADVANCED, body=b"\x81" * 1000), "is lost"),
        (Frame(frames.ANSWER, body=b" " + b"1" * 5000), "is lost"),
    ],
    ids=["refused", "no text", "deep", "empty", "deep CBOR", "huge"],
)
def test_whatIsNoAnswerIsAnErrorOfOurs(frame: Frame, why: str) -> None:
    """
    Whatever the other process sends.
    """
    questions = Questions(Clock())
    number, waits = questions.add(5.0)
    fired = outcome(waits)
    questions.hear(frame._replace(number=number))
    assert isinstance(fired[0], AskFailedError)
    assert why in str(fired[0])


class Asked:
    """
    What answers, and what it has answered.
    """

    def __init__(self) -> None:
        ours, self._theirs = Mail.pair()
        self._theirs.setblocking(False)
        self._reader = FrameReader()
        self.reactor = MemoryReactorClock()
        self.mail = Mail(self.reactor, ours, lambda come: None, lambda error: None)
        self.answering = Answering(self.mail, JSON)

    def ask(self, ears: object, number: int = 1) -> None:
        """
        A question comes.
        """
        frame = Frame(frames.ASK, number=number, body=b'"?"')
        self.answering.hear(ears, frame)  # type: ignore[arg-type]

    def answers(self) -> list[tuple[int, int, bytes]]:
        """
        What it has answered since.
        """
        self.mail.doWrite()
        try:
            come = self._reader.feed(self._theirs.recv(1 << 20))
        except BlockingIOError:
            return []
        return [(frame.kind, frame.number, bytes(frame.body)) for frame in come]

    def close(self) -> None:
        """
        Let go of it.
        """
        self.mail.close()
        self._theirs.close()


@pytest.fixture
def asked() -> Iterator[Asked]:
    """
    Somebody who answers.
    """
    made = Asked()
    yield made
    made.close()


def test_whateverAnAnswererReturnsIsTheAnswer(asked: Asked) -> None:
    """
    Now, or later.
    """
    later: Deferred[object] = Deferred()

    async def coroutine(question: object) -> object:
        return await later

    asked.ask(lambda question: [question], 1)
    asked.ask(coroutine, 2)
    asked.ask(lambda question: later, 3)
    assert asked.answers() == [(frames.ANSWER, 1, b'["?"]')]
    later.callback(5)
    assert [one[:2] for one in asked.answers()] == [
        (frames.ANSWER, 2),
        (frames.ANSWER, 3),
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        ValueError("wrong"),
        SystemExit("enough"),
        asyncio.CancelledError("cancelled"),
        CancelledError("cancelled"),
        KeyboardInterrupt("stop"),
        GeneratorExit("out"),
    ],
    ids=lambda wrong: f"{type(wrong).__module__}.{type(wrong).__name__}",
)
@pytest.mark.parametrize("how", ["at once", "later", "in a coroutine"])
def test_whateverAnAnswererRaisesIsARefusal(
    asked: Asked, wrong: BaseException, how: str
) -> None:
    """
    Who asked is told what it was; the next question is answered.
    """

    def raises(question: object) -> object:
        raise wrong

    async def coroutine(question: object) -> object:
        raise wrong

    def later(question: object) -> Deferred[object]:
        failing: Deferred[object] = Deferred()
        failing.addCallback(raises)
        failing.callback(None)
        return failing

    asked.ask({"at once": raises, "later": later, "in a coroutine": coroutine}[how])
    ((kind, number, why),) = asked.answers()
    assert (kind, number) == (frames.REFUSAL, 1)
    assert type(wrong).__name__ in why.decode()
    asked.ask(lambda question: 1, 2)
    assert asked.answers() == [(frames.ANSWER, 2, b"1")]


def test_whatCannotBeSentIsARefusal(asked: Asked) -> None:
    """
    A long reason is cut.
    """

    def fail(question: object) -> object:
        raise ValueError("x" * 1_000_000)

    asked.ask(lambda question: object(), 1)
    ((kind, _, why),) = asked.answers()
    assert kind == frames.REFUSAL
    assert b"NotSerializableError" in why
    asked.ask(fail, 2)
    ((kind, _, why),) = asked.answers()
    assert (kind, len(why)) == (frames.REFUSAL, module.WHY)


def test_tooManyUnansweredAreRefused(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Until one is answered.
    """
    monkeypatch.setattr(module, "UNANSWERED", 2)
    later: list[Deferred[object]] = [Deferred(), Deferred()]
    for waits in later:
        asked.ask(lambda question, waits=waits: waits)
    asked.ask(lambda question: 1, 3)
    assert [one[:2] for one in asked.answers()] == [(frames.REFUSAL, 3)]
    later[0].callback(None)
    asked.ask(lambda question: 1, 4)
    assert (frames.ANSWER, 4, b"1") in asked.answers()


def test_whoHasGoneNeedsNoAnswer(asked: Asked) -> None:
    """
    Nothing is left unhandled.
    """
    later: Deferred[object] = Deferred()
    asked.ask(lambda question: later)
    logged: list[object] = []
    globalLogPublisher.addObserver(logged.append)
    try:
        asked.mail.close()
        later.callback(1)
        asked.ask(lambda question: 1)
    finally:
        globalLogPublisher.removeObserver(logged.append)
    assert logged == []


def test_whoDoesNotReadItsAnswersIsHeld(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    From so much on that waits; until half of that is read.
    """
    monkeypatch.setattr(module, "UNSENT", 1 << 20)
    holds: list[bool] = []
    asked = Asked()
    asked.answering = Answering(asked.mail, JSON, holds.append)
    number = 0
    while not holds:
        number += 1
        asked.ask(lambda question: "x" * 1000, number)
    assert holds == [True]
    unsent = asked.answering.unsent
    assert 1 << 20 < unsent < (1 << 20) + 3000
    # The kernel has some, and objects count as well.
    assert number * 1000 < unsent
    answered = 0
    while answered < number:
        answered += len(asked.answers())
    assert (holds, asked.answering.unsent) == ([True, False], 0)
    asked.close()
