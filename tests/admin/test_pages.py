"""
What can be asked of the control socket.
"""

from __future__ import annotations

from collections.abc import Awaitable
from types import SimpleNamespace
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import LogPublisher
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.test.requesthelper import DummyRequest

from twisted_cluster.admin.commands import Command
from twisted_cluster.admin.pages import Verb
from twisted_cluster.admin.recent import Recent


class VerbTests(SynchronousTestCase):
    """
    Whatever becomes of a verb.
    """

    def ask(self, name: str, ended: Awaitable[None]) -> tuple[DummyRequest, Recent]:
        """
        Ask for one that ends like this.
        """

        async def call(*given: object) -> None:
            await ended

        recent = Recent(LogPublisher(), MemoryReactorClock(), "info")
        verbs = SimpleNamespace(snapshot=lambda: SimpleNamespace(isStopping=False))
        request = DummyRequest([b""])
        request.method = b"POST"
        request.channel = SimpleNamespace(peer=None)
        page = Verb(name, Command((), call), cast(Any, verbs), recent)
        page.render(cast(Any, request))
        return request, recent

    def test_whoHasAskedIsAnsweredWhateverItRaises(self) -> None:
        """
        SystemExit too: nobody waits for ever.
        """
        ended: Deferred[None] = Deferred()
        request, _ = self.ask("scale", ended)
        ended.errback(SystemExit("no"))
        assert request.finished == 1
        assert b"it has failed" in b"".join(request.written)
        assert len(self.flushLoggedErrors(SystemExit)) == 1

    def test_aStopIsToldOfUntilItEnds(self) -> None:
        """
        One that a service outlives leaves nobody who listens to the log.
        """
        ended: Deferred[None] = Deferred()
        request, recent = self.ask("stop", ended)
        assert len(recent.listeners) == 1
        ended.callback(None)
        assert request.finished == 1
        assert recent.listeners == []
