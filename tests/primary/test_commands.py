"""
What a cluster can be told to do.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

from twisted.internet.defer import Deferred, succeed

from tests.logged import logging
from twisted_cluster.core.verbs import Progress
from twisted_cluster.primary.assembly import Assembly
from twisted_cluster.primary.commands import Commands


class Scaled:
    """
    Tells how far it is at once.
    """

    def scale(self, count: int, progress: Progress) -> Deferred[None]:
        progress("1 of 2 workers serves")
        return succeed(None)


class Running(Commands):
    _isRunning = True


def test_whatAProgressRaisesIsLogged() -> None:
    """
    It concerns neither what goes on nor who waits for it.
    """

    def progress(said: str) -> None:
        raise ZeroDivisionError

    commands = Running()
    commands._assembly = cast(Assembly, SimpleNamespace(scaling=Scaled()))
    with logging() as log:
        assert commands.scale(2, progress).called
    assert [one["log_failure"].type for one in log.events] == [ZeroDivisionError]
