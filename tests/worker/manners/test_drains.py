"""
Who is told that a worker drains.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.python.components import registerAdapter
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.logged import logging
from twisted_cluster.interfaces import IDrainable
from twisted_cluster.worker.manners.drains import Drains


@implementer(IDrainable)
class Drainable:
    """
    Answers what it was made with.
    """

    def __init__(self, answer: object) -> None:
        self.answer = answer

    def drain(self) -> object:
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


class Foreign:
    """
    Knows nothing of it.
    """


def adapted(foreign: Foreign) -> Drainable:
    return Drainable(None)


registerAdapter(adapted, Foreign, IDrainable)


async def waiting(until: Deferred[None]) -> None:
    await until


class DrainsTests(SynchronousTestCase):
    """
    Whatever it is that an application answers.
    """

    def setUp(self) -> None:
        self.finished = 0
        self.drains = Drains(self.finish)

    def finish(self) -> None:
        self.finished += 1

    def test_onlyThoseWhoWantToKnowAreTold(self) -> None:
        """
        Or for whom there is an adapter.
        """
        assert not self.drains.tell(object())
        assert self.drains.tell(Drainable(None))
        assert self.drains.tell(Foreign())
        assert not self.drains.pending

    def test_whatTakesLongerIsWaitedFor(self) -> None:
        """
        A Deferred, or a coroutine.
        """
        one, other = Deferred[None](), Deferred[None]()
        self.drains.tell(Drainable(one))
        self.drains.tell(Drainable(waiting(other)))
        assert [name.rsplit(".", 1)[1] for name in self.drains.pending] == [
            "Drainable",
            "Drainable",
        ]
        one.callback(None)
        assert (self.finished, len(self.drains.pending)) == (1, 1)
        other.callback(None)
        assert (self.finished, len(self.drains.pending)) == (2, 0)

    def test_whatHasItsResultAlreadyIsNotWaitedFor(self) -> None:
        """
        Nothing is pending then.
        """
        done = Deferred[None]()
        done.callback(None)
        self.drains.tell(Drainable(done))
        assert not self.drains.pending

    def test_whatFailsIsSaidOnceForEachKind(self) -> None:
        """
        At once, or later; it has finished.
        """
        later = Deferred[None]()
        with logging() as logged:
            for answer in (ValueError("one"), ValueError("two"), later):
                assert self.drains.tell(Drainable(answer))
            later.errback(ValueError("three"))
        said = [text for text in logged.texts() if "could not drain" in text]
        assert len(said) == 1
        assert not self.drains.pending
        assert len(self.flushLoggedErrors(ValueError)) == 1

    def test_whoeverRaisesSystemExitIsNotWaitedFor(self) -> None:
        """
        It is said, and nobody else is kept from being told.
        """
        assert self.drains.tell(Drainable(SystemExit("no")))
        assert not self.drains.pending
        assert len(self.flushLoggedErrors(SystemExit)) == 1
