"""
Events.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from twisted_cluster.api.emitter import Emitter
from twisted_cluster.errors import UnknownEventError


class Door(Emitter):
    """
    Something that has events.
    """

    EVENTS = {"open": 0, "knock": 2, "error": 1}


def test_listenersAreCalledInOrder() -> None:
    """
    Each time, until they listen no more; C{once} once.
    """
    door, heard = Door(), []
    first = door.on("knock", lambda who, how: heard.append((who, how)))
    door.once("knock", lambda who, how: heard.append("once"))
    door.tell("knock", "anna", 3)
    door.tell("knock", "ben", 1)
    door.off("knock", first)
    door.off("knock", first)
    door.tell("knock", "carl", 2)
    assert heard == [("anna", 3), "once", ("ben", 1)]


def test_aListenerTakesWhatItWants() -> None:
    """
    Fewer arguments than there are will do, also for C{once}, methods and defaults.
    """
    door, heard = Door(), []

    class Guest:
        def one(self, who: str) -> None:
            heard.append(who)

    @door.on("knock")
    def none() -> None:
        heard.append("none")

    door.once("knock", Guest().one)
    door.on("knock", lambda who, how, more="default": heard.append((who, how, more)))
    door.on("knock", lambda *everything: heard.append(everything))
    door.on("knock", print)
    door.tell("knock", "anna", 3)
    assert heard == ["none", "anna", ("anna", 3, "default"), ("anna", 3)]


def test_aFunctionCountsOnce() -> None:
    """
    In its first place, and as it was added last; bound methods too.
    """
    door, heard = Door(), []

    class Guest:
        def knocks(self) -> None:
            heard.append("guest")

    guest = Guest()
    door.on("open", guest.knocks)
    door.on("open", lambda: heard.append("other"))
    door.once("open", guest.knocks)
    for _ in range(2):
        door.tell("open")
    assert heard == ["guest", "other", "other"]


def test_onceIsOverBeforeItIsTold() -> None:
    """
    What it tells again it does not hear, nor does another whom that has reached.
    """
    door, heard = Door(), []

    def again() -> None:
        heard.append("first")
        door.tell("open")

    door.once("open", again)
    door.once("open", lambda: heard.append("second"))
    door.tell("open")
    assert heard == ["first", "second"]
    assert door.listeners("open") == []


def test_decoratorsGiveTheFunctionBack() -> None:
    """
    C{on} and C{once}, with and without it; it can be taken off by its name.
    """
    door, heard = Door(), []

    @door.on("open")
    @door.once("error")
    def hear() -> None:
        heard.append("heard")

    assert door.on("open", hear) is hear
    assert door.once("error", hear) is hear
    door.off("open", hear)
    door.tell("open")
    door.tell("error", Failure(ZeroDivisionError()))
    assert heard == ["heard"]


def test_whatCannotBeCalledIsRefused() -> None:
    """
    At once, also by a decorator.
    """
    with pytest.raises(TypeError, match="'bell' cannot be called: it cannot"):
        Door().on("open", "bell")
    with pytest.raises(TypeError, match="cannot be called"):
        Door().once("open")(None)


@pytest.mark.parametrize("call", ["on", "once", "when"])
def test_unknownEventsAreRefused(call: str) -> None:
    """
    A slip of the pen is told at once, with what there is.
    """
    with pytest.raises(UnknownEventError, match="'opne'; there are: error, knock, open"):
        getattr(Door(), call)("opne")
    with pytest.raises(UnknownEventError):
        Door().off("opne", print)


def test_whenFiresOnce() -> None:
    """
    With nothing, the argument, or all of them; a cancelled one listens no more.
    """
    door, came = Door(), []
    door.when("open").addCallback(came.append)
    door.when("knock").addCallback(came.append)
    door.when("error").addCallback(came.append)
    cancelled = door.when("open")
    cancelled.addErrback(lambda failure: came.append(failure.check(CancelledError)))
    cancelled.cancel()
    for _ in range(2):
        door.tell("open")
        door.tell("knock", 1, 2)
        door.tell("error", "bad")
    assert came == [CancelledError, None, (1, 2), "bad"]
    assert door.listeners("open") == []


class FailingTests(SynchronousTestCase):
    """
    What listeners raise is logged, and harms nobody.
    """

    def test_theOthersAreCalled(self) -> None:
        """
        Whether it raises, fails later, or is a coroutine.
        """
        door, heard = Door(), []

        async def coroutine() -> None:
            raise ZeroDivisionError

        def failing() -> Deferred[Any]:
            return fail(ZeroDivisionError())

        door.on("open", lambda: 1 / 0)
        door.on("open", coroutine)
        door.on("open", failing)
        door.on("open", lambda: heard.append("me too"))
        door.tell("open")
        assert heard == ["me too"]
        assert len(self.flushLoggedErrors(ZeroDivisionError)) == 3

    def test_whatWouldEndAProcessEndsNothing(self) -> None:
        """
        C{sys.exit()} and the like are logged as any error, and the others are called:
        out of a wire's reader they would make it deaf.
        """
        for kind in (SystemExit, KeyboardInterrupt, asyncio.CancelledError):
            door, heard = Door(), []

            def raising(kind: type[BaseException] = kind) -> None:
                raise kind

            async def coroutine(*, kind: type[BaseException] = kind) -> None:
                raise kind

            door.on("open", lambda *, f=raising: f())
            door.once("open", coroutine)
            door.on("open", lambda *, heard=heard: heard.append("me too"))
            door.tell("open")
            door.tell("open")
            assert heard == ["me too"] * 2
            assert len(self.flushLoggedErrors(kind)) == 3

    def test_anErrorThatNobodyHearsIsLogged(self) -> None:
        """
        It ends nothing.
        """
        door = Door()
        door.tell("error", Failure(ZeroDivisionError()))
        assert len(self.flushLoggedErrors(ZeroDivisionError)) == 1
