"""
What a worker says, and what it is answered.
"""

from __future__ import annotations

import errno
import os
import socket
from itertools import count

import pytest
from attrs import evolve

from tests.logged import Logged, logging
from tests.primary.lives.speaking import SPEC, Worker
from twisted_cluster.core import frames, messages
from twisted_cluster.core.messages import Message
from twisted_cluster.events import TCP, ListenSpec
from twisted_cluster.policies.round_robin import RoundRobin
from twisted_cluster.primary.lives import conversation as module
from twisted_cluster.primary.lives.conversation import MESSAGES_A_TURN
from twisted_cluster.talk.ears import hearNothing


def test_itsLifeIsTold(worker: Worker) -> None:
    """
    In the order in which it says it.
    """
    worker.say(
        messages.Born(),
        messages.Online(),
        messages.Listening(None, 8080, 4),
        messages.Ready(False),
        messages.Leaving(planned=True),
    )
    said = ["born", "online", 8080, ("ready", False), ("leaving", True)]
    assert worker.heard == said


def test_aStartIsNotOverBeforeItIsReady(worker: Worker) -> None:
    """
    A reactor that runs is not all.
    """
    worker.say(messages.Online(False), messages.Ready(True))
    assert worker.heard == ["online, not ready", ("ready", True)]


def test_listensAreAnswered(worker: Worker) -> None:
    """
    With what there is to say of the socket; asked for again it is in use.
    """
    worker.say(messages.Listen(1, SPEC))
    first = worker.answer()
    assert (first.question, first.errno) == (1, 0)
    name = worker.rooms.listeners.byNumber[first.listener].name
    assert isinstance(name, tuple)
    worker.say(messages.Listen(2, evolve(SPEC, port=name[1])))
    assert worker.answer().errno == errno.EADDRINUSE
    assert worker.heard == []


@pytest.mark.parametrize("interface", ["no such name", "\0", "x" * 400])
def test_whatCannotBeListenedOnIsAnswered(worker: Worker, interface: str) -> None:
    """
    Whatever it is that Python raises.
    """
    worker.say(messages.Listen(1, ListenSpec(TCP, interface)))
    assert worker.answer().errno != 0
    assert worker.heard == []


def test_unlistenedIsClosed(worker: Worker) -> None:
    """
    The answer comes when that is done.
    """
    worker.say(messages.Listen(1, SPEC))
    number = worker.answer().listener
    worker.say(messages.Unlisten(2, number))
    message, _ = worker.channel.receive()
    assert message == messages.Answer(2, number)
    assert worker.rooms.listeners.byNumber == {}


def test_aWorkerThatReadsNothingIsNotDead(worker: Worker) -> None:
    """
    Its answers wait until it does.
    """
    asked = 0
    while asked < 2000:
        worker.say(messages.Unlisten(asked, 99))
        asked += 1
    assert worker.heard == []
    numbers = []
    while len(numbers) < asked:
        try:
            numbers.append(worker.answer().question)
        except BlockingIOError:
            worker.reactor.advance(0.1)
    assert numbers == list(range(asked))


def test_aWorkerForWhichTooMuchWaitsIsKilled(worker: Worker, logged: Logged) -> None:
    """
    It asks without end, and reads nothing.
    """
    for number in range(6000):
        worker.say(messages.Unlisten(number, 99))
        if worker.heard:
            break
    assert worker.heard == ["kill"]
    assert "messages wait that nobody reads" in logged.texts()[0]


@pytest.mark.parametrize("said", [messages.Drain(1.0), messages.Answer(1)])
def test_whatAWorkerDoesNotSayIsItsEnd(
    worker: Worker, logged: Logged, said: Message
) -> None:
    """
    It is killed, and that is told.
    """
    worker.say(said)
    assert worker.heard == ["kill"]
    assert "a worker does not say" in logged.texts()[0]


@pytest.mark.parametrize("data", [b"", b"[", b'["Leaving", 1]', b"x" * 20_000])
def test_rubbishIsItsEnd(worker: Worker, logged: Logged, data: bytes) -> None:
    """
    It is killed, and that is told.
    """
    raw = socket.socket(fileno=os.dup(worker.channel.fileno()))
    raw.send(data)
    raw.close()
    worker.conversation.read()
    assert worker.heard == ["kill"]
    assert logged.texts()[0].endswith("; killed")


def test_soMuchIsReadInATurn(worker: Worker) -> None:
    """
    The rest in the next.
    """
    for _ in range(MESSAGES_A_TURN + 5):
        worker.channel.send(messages.Born())
    worker.conversation.read()
    assert len(worker.heard) == MESSAGES_A_TURN
    worker.conversation.read()
    assert len(worker.heard) == MESSAGES_A_TURN + 5


def test_aClosedChannelIsTold(worker: Worker) -> None:
    """
    What it has said before comes first.
    """
    worker.channel.send(messages.Leaving())
    worker.channel.close()
    worker.conversation.read()
    assert worker.heard == [("leaving", False), "lost"]


def test_afterTheEndNothingIsSaid(worker: Worker) -> None:
    """
    Nor is anything heard, and nothing stays open.
    """
    worker.channel.send(messages.Born())
    worker.conversation.close()
    worker.conversation.sayDrain(1.0)
    worker.conversation.read()
    assert worker.heard == []
    assert not worker.conversation.isOpen
    assert worker.reactor.getReaders() == []


@pytest.mark.parametrize("wrong", [SystemExit(3), ValueError("no"), KeyboardInterrupt()])
def test_aPolicyThatCannotBeMadeIsAnswered(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, wrong: BaseException
) -> None:
    """
    Who asks waits for it; the port is free again.
    """

    def fail() -> RoundRobin:
        raise wrong

    monkeypatch.setattr(worker.rooms.listeners._listeners, "newPolicy", fail)
    worker.say(messages.Listen(1, SPEC))
    assert worker.answer().errno == errno.EINVAL
    assert worker.rooms.listeners.byNumber == {}


def test_afterNonsenseNothingIsDone(worker: Worker, logged: Logged) -> None:
    """
    It is killed once, and what it had said behind that is not heard.
    """
    worker.channel._socket.send(b"nonsense")
    worker.say(messages.Online())
    worker.conversation.read()
    assert worker.heard == ["kill"]


def test_aTurnIsShortWhateverItDoes(worker: Worker) -> None:
    """
    Messages that take long are fewer in a turn.
    """
    times = count(0.0, module.LONG)
    worker.reactor.seconds = lambda: next(times)
    worker.say(messages.Online(), messages.Online(), messages.Online())
    assert worker.heard == ["online", "online"]
    worker.conversation.read()
    assert worker.heard == ["online"] * 3


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (frames.Frame(frames.ANSWER, number=1), "it was not asked"),
        (frames.Frame(frames.MESSAGE, frames.ADVANCED), "its serialization, json"),
        (frames.Frame(frames.PUBLISH, frames.ADVANCED, 0, b"a"), "its serialization"),
        (frames.Frame(frames.ASK, 0, 1, b"extra"), "bytes of extra"),
        (frames.Frame(frames.MISSED, 0, 1), "does not say"),
    ],
    ids=lambda one: f"kind {one.kind}" if isinstance(one, frames.Frame) else "",
)
def test_whatNoWorkerSendsEndsIt(worker: Worker, said: frames.Frame, why: str) -> None:
    """
    And nothing is heard that it has sent behind.
    """
    behind = frames.packHead(frames.Frame(frames.SUBSCRIBE, 0, 0, b"topic"))
    hearNothing(worker.conversation.peer.ears)
    worker.mail.send(frames.packHead(said) + behind)
    with logging() as logged:
        worker.conversation.peer.mail.doRead()
    assert worker.heard == ["kill"]
    assert why in "".join(logged.texts())
    assert worker.rooms.exchange._topics == {}
