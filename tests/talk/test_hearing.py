"""
What has come, until it is heard.
"""

from __future__ import annotations

import os

import pytest
from twisted.internet.task import Clock

from tests.leftovers import openNow
from twisted_cluster.core.frames import ANSWER, ASK, MESSAGE, PUBLISH, Frame
from twisted_cluster.talk import hearing as module
from twisted_cluster.talk.ears import Ears
from twisted_cluster.talk.hearing import (
    FRAMES_A_TURN,
    SHARE,
    USELESS,
    USELESS_AT_ONCE,
    Hearing,
)

WAITING = (MESSAGE, ASK)


class DeafEars(Ears):
    """
    Does not hear some kinds yet.
    """

    def hears(self, kind: int) -> bool:
        return kind not in self.deaf


class Heard:
    """
    Hears what it is told to hear.
    """

    def __init__(self) -> None:
        self.clock = Clock()
        self.heard: list[tuple[int, int]] = []
        self.fds: list[int] = []
        self.befores = 0
        self.deaf = set(WAITING)
        self.reads: list[bool] = []
        ears = DeafEars(lambda frame: None, lambda error: None, self.before)
        ears.deaf = self.deaf
        self.hearing = Hearing(self.clock, ears, self.hear, self.reads.append)

    def hear(self, frame: Frame, fd: int | None) -> None:
        self.heard.append((frame.kind, frame.number))
        if fd is not None:
            self.fds.append(fd)

    def before(self) -> None:
        self.befores += 1

    def come(self, kind: int, count: int, first: int = 0) -> None:
        """
        Frames come, as many as one read brings.
        """
        frames = [Frame(kind, 0, first + n) for n in range(count)]
        self.hearing.take((frame, None) for frame in frames)

    def turn(self) -> None:
        """
        One turn of a reactor's loop: what is put off in it is for the next one.
        """
        for call in self.clock.getDelayedCalls():
            function = call.func
            call.cancel()
            function()


@pytest.fixture
def heard() -> Heard:
    """
    Nobody hears messages and questions yet.
    """
    return Heard()


def test_soMuchInATurn(heard: Heard) -> None:
    """
    The rest in the turns that follow, in order; meanwhile no more is read.
    """
    heard.come(PUBLISH, 3 * FRAMES_A_TURN + 1)
    for turn in (1, 2, 3):
        assert len(heard.heard) == turn * FRAMES_A_TURN
        assert heard.reads == [False]
        heard.turn()
    assert heard.heard == [(PUBLISH, n) for n in range(3 * FRAMES_A_TURN + 1)]
    assert heard.reads == [False, True]
    assert heard.clock.getDelayedCalls() == []


def test_whatComesMeanwhileIsBehind(heard: Heard) -> None:
    """
    As when last words are read, though reading was to pause; all of it is heard then.
    """
    heard.come(ANSWER, 3 * FRAMES_A_TURN)
    heard.hearing.take([(Frame(ANSWER, 0, 3 * FRAMES_A_TURN), None)])
    assert len(heard.heard) == 2 * FRAMES_A_TURN
    heard.hearing.hearAll()
    assert [number for _, number in heard.heard] == list(range(3 * FRAMES_A_TURN + 1))
    assert heard.befores == 2
    heard.turn()
    assert heard.reads == [False, True]


def test_eachKindWaitsByItself(heard: Heard) -> None:
    """
    What nobody hears yet holds up nothing else, and is heard before what comes later.
    """
    heard.come(MESSAGE, 2)
    heard.come(ASK, 2)
    heard.come(PUBLISH, 1)
    assert heard.heard == [(PUBLISH, 0)]
    heard.deaf.discard(MESSAGE)
    heard.hearing.listen()
    heard.come(MESSAGE, 1, 2)
    assert heard.heard == [(PUBLISH, 0)]
    heard.turn()
    assert heard.heard[1:] == [(MESSAGE, n) for n in range(3)]
    heard.deaf.discard(ASK)
    heard.hearing.listen()
    heard.hearing.listen()
    heard.turn()
    assert heard.heard[4:] == [(ASK, 0), (ASK, 1)]
    assert heard.clock.getDelayedCalls() == []


def test_manyThatWaitedAreNotOneTurn(heard: Heard) -> None:
    """
    A listener that comes late is told so many at a time as well.
    """
    heard.come(MESSAGE, 3 * FRAMES_A_TURN)
    for _ in range(3):
        heard.turn()
    heard.deaf.clear()
    heard.hearing.listen()
    heard.turn()
    assert len(heard.heard) == FRAMES_A_TURN
    heard.turn()
    heard.turn()
    assert len(heard.heard) == 3 * FRAMES_A_TURN


@pytest.mark.parametrize("limit", ["UNHEARD_BYTES", "UNHEARD_COUNT"])
def test_whatWaitsIsBounded(
    heard: Heard, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    By bytes and by number: then no more is read, until somebody hears it.
    """
    monkeypatch.setattr(module, limit, 10)
    for count in range(10):
        assert heard.reads == []
        heard.hearing.take([(Frame(MESSAGE, 0, count, b"", b"x"), None)])
    assert heard.reads == [False]
    heard.deaf.clear()
    heard.hearing.listen()
    heard.turn()
    assert heard.reads == [False, True]
    assert len(heard.heard) == 10


@pytest.mark.parametrize("isHandle", [False, True])
def test_whatComesAlongCountsToo(
    heard: Heard, isHandle: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    What was read of a connection, and the connection itself.
    """
    monkeypatch.setattr(module, "UNHEARD_BYTES", 2 * module.DESCRIPTOR)
    for _ in range(2):
        assert heard.reads == []
        extra = b"" if isHandle else b"x" * module.DESCRIPTOR
        fd = os.dup(0) if isHandle else None
        heard.hearing.take([(Frame(MESSAGE, 0, 0, extra), fd)])
    assert heard.reads == [False]
    heard.hearing.drop()


def test_whatWaitsKeepsNothingElse(heard: Heard) -> None:
    """
    It came with much that has been heard.
    """
    come = bytearray(100_000)
    heard.hearing.take([(Frame(ASK, 0, 0, b"", memoryview(come)[:10]), None)])
    # Nobody has a view of it any more.
    come.clear()
    heard.deaf.clear()
    heard.hearing.listen()
    heard.turn()
    assert heard.heard == [(ASK, 0)]


def test_whoHearsMayStopListening(heard: Heard) -> None:
    """
    What is left waits for the next one, in order.
    """

    def once(frame: Frame, fd: int | None) -> None:
        heard.heard.append((frame.kind, frame.number))
        heard.deaf.add(MESSAGE)

    heard.hearing._hear = once
    heard.deaf.clear()
    heard.come(MESSAGE, 3)
    assert heard.heard == [(MESSAGE, 0)]
    for count in (2, 3):
        heard.deaf.clear()
        heard.hearing.listen()
        heard.turn()
        assert heard.heard == [(MESSAGE, n) for n in range(count)]


def test_whatIsForgottenIsClosed(heard: Heard) -> None:
    """
    What has come, when the other process breaks the rules; what waits for a listener,
    when none will come.
    """
    before = len(openNow())

    def forget(frame: Frame, fd: int | None) -> None:
        assert fd is not None
        os.close(fd)
        heard.hearing.forget()

    heard.hearing._hear = forget
    for kind in (MESSAGE, PUBLISH):
        heard.hearing.take([(Frame(kind), os.dup(0)) for _ in range(3)])
    assert len(openNow()) == before + 3
    heard.hearing.drop()
    assert len(openNow()) == before
    heard.deaf.clear()
    heard.hearing._hear = heard.hear
    heard.come(MESSAGE, 1, 7)
    assert heard.heard == [(MESSAGE, 7)]


def test_noLongerThanItsShareInATurn(heard: Heard) -> None:
    """
    Messages that take long are fewer in a turn.
    """

    def hear(frame: Frame, fd: int | None) -> bool:
        heard.clock.rightNow += SHARE / 10
        heard.heard.append((frame.kind, frame.number))
        return True

    heard.hearing._hear = hear
    heard.come(PUBLISH, 100)
    assert 10 <= len(heard.heard) <= 20
    heard.turn()
    assert 20 <= len(heard.heard) <= 40
    while len(heard.heard) < 100:
        heard.turn()
    assert heard.reads == [False, True]


def test_whatIsOfNoUseTakesATenthOfTheTime(heard: Heard) -> None:
    """
    Meanwhile no more is read; what is of use with it is paid for as well as it is meant.
    """

    def hear(frame: Frame, fd: int | None) -> bool:
        heard.clock.rightNow += 1e-5
        heard.heard.append((frame.kind, frame.number))
        return frame.kind == ANSWER

    heard.hearing._hear = hear
    heard.come(ANSWER, 10_000)
    while heard.hearing._come:
        heard.turn()
    assert 0.09 < heard.clock.seconds() < 0.11
    heard.heard.clear()
    begun = heard.clock.seconds()
    for _ in range(1000):
        if heard.reads[-1]:
            heard.come(PUBLISH, 200)
        calls = heard.clock.getDelayedCalls()
        heard.clock.advance(calls[0].getTime() - heard.clock.seconds() if calls else 0)
    spent = len(heard.heard) * 1e-5
    assert spent < (heard.clock.seconds() - begun) * USELESS * 1.1 + USELESS_AT_ONCE


def test_whoIsHeldIsNeitherHeardNorRead(heard: Heard) -> None:
    """
    Until it is let go, in order; but for its last words.
    """
    for last in (False, True):
        heard.heard.clear()
        heard.hearing.hold(True)
        heard.come(PUBLISH, 3)
        heard.turn()
        assert heard.heard == []
        assert heard.reads[-1] is False
        if last:
            heard.hearing.hearAll()
        heard.hearing.hold(False)
        heard.turn()
        assert heard.heard == [(PUBLISH, n) for n in range(3)]
        assert heard.reads[-1] is True


def test_whoHearsMayHoldTheRest(heard: Heard) -> None:
    """
    As who answers and is not read does.
    """

    def hear(frame: Frame, fd: int | None) -> bool:
        heard.heard.append((frame.kind, frame.number))
        heard.hearing.hold(frame.number == 1)
        return True

    heard.hearing._hear = hear
    heard.come(PUBLISH, 4)
    assert len(heard.heard) == 2
    heard.hearing.hold(False)
    heard.turn()
    assert len(heard.heard) == 4
