"""
Users' code that hears.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.trial.unittest import SynchronousTestCase

from twisted_cluster.core.codecs import JSON
from twisted_cluster.core.frames import ANSWER, ASK, MESSAGE, PUBLISH, Frame
from twisted_cluster.core.topics import Subscriptions
from twisted_cluster.talk.ears import Ears, callGuarded, hearNothing, tellSubscribers

TOPIC = b"topic"
WRONG = (
    ValueError,
    SystemExit,
    asyncio.CancelledError,
    CancelledError,
    KeyboardInterrupt,
)


def raising(wrong: type[BaseException]) -> Callable[..., Any]:
    def subscriber(message: object, sender: int) -> object:
        raise wrong("wrong")

    return subscriber


def failing(wrong: type[BaseException]) -> Callable[..., Any]:
    return lambda message, sender: fail(wrong("wrong"))


def awaiting(wrong: type[BaseException]) -> Callable[..., Any]:
    async def subscriber(message: object, sender: int) -> object:
        raise wrong("wrong")

    return subscriber


class FailingSubscribers(SynchronousTestCase):
    """
    What a subscriber raises is its own affair.
    """

    def test_othersAreToldAllTheSame(self) -> None:
        """
        Whatever it is, and however it is raised, it is logged.
        """
        for wrong in WRONG:
            for make in (raising, failing, awaiting):
                subscriptions = Subscriptions()
                told: dict[object, int] = {}
                subscriptions.add(TOPIC, make(wrong))
                subscriptions.add(TOPIC, told.__setitem__)
                body = JSON.encode("news")
                tellSubscribers(subscriptions, Frame(PUBLISH, 0, 3, TOPIC, body))
                assert told == {"news": 3}
                assert len(self.flushLoggedErrors(wrong)) == 1

    def test_whatIsNoMessageIsLogged(self) -> None:
        """
        Nobody is told.
        """
        subscriptions = Subscriptions()
        told: list[object] = []
        subscriptions.add(TOPIC, lambda message, sender: told.append(message))
        for body in (b"[" * 100_000, b"", b" " + b"9" * 5000):
            tellSubscribers(subscriptions, Frame(PUBLISH, 0, 3, TOPIC, body))
        assert told == []


def test_whatReturnsIsLetBe() -> None:
    """
    Results and Deferreds that fire are nobody's affair.
    """
    calls: list[object] = []
    callGuarded("a test", calls.append, 1)
    callGuarded("a test", lambda: Deferred().callback(None))
    assert calls == [1]


def test_whoHearsWhat() -> None:
    """
    Messages and questions wait for somebody; nothing else does.
    """
    ears = Ears(lambda frame: True, lambda error: None)
    assert [ears.hears(kind) for kind in (MESSAGE, ASK)] == [False, False]
    assert all(ears.hears(kind) for kind in (PUBLISH, ANSWER))
    hearNothing(ears)
    assert [ears.hears(kind) for kind in (MESSAGE, ASK)] == [True, True]


def test_whatIsWanted() -> None:
    """
    What waits for a listener is; what is dropped because there is none is not.
    """
    ears = Ears(lambda frame: True, lambda error: None)
    assert all(ears.wants(kind) for kind in (MESSAGE, ASK, PUBLISH))
    ears.message = lambda message, handle: None
    assert ears.wants(MESSAGE)
    ears.isHeard = lambda: False
    assert [ears.wants(kind) for kind in (MESSAGE, ASK)] == [False, True]
    hearNothing(ears)
    assert [ears.wants(kind) for kind in (MESSAGE, ASK, PUBLISH)] == [False, False, True]
