"""
Too few workers that serve are told, once, and so are enough.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.logger import formatEvent

from tests.logged import logging
from twisted_cluster.primary.lives.readiness import SOON, Readiness


class Cluster:
    """
    Four workers, of which two have to serve.
    """

    def __init__(self) -> None:
        self.clock = Clock()
        self.serving: set[int] = set()
        self.readiness = Readiness(self.clock, 2, lambda: (self.serving, 4))

    def after(self, seconds: float, *serving: int) -> list[str | None]:
        """
        @return: What is told while these serve.
        """
        self.serving = set(serving)
        with logging() as logged:
            for _ in range(round(seconds / 0.05)):
                self.clock.advance(0.05)
                self.readiness.look()
        return [formatEvent(event) for event in logged.events]


def test_bootIsNoNews() -> None:
    """
    Nobody expects it to be ready yet.
    """
    cluster = Cluster()
    assert cluster.after(60.0) == []
    assert cluster.after(60.0, 1) == []
    assert cluster.after(1.0, 1, 2) == []


def test_tooFewAreToldOnce() -> None:
    """
    When that lasts; then it is told when it is over.
    """
    cluster = Cluster()
    cluster.after(1.0, 1, 2)
    assert cluster.after(SOON - 0.1, 1) == []
    assert cluster.after(60.0, 1) == ["not ready: 1 of 4 workers serves, and 2 have to"]
    assert cluster.after(60.0, 1, 3) == ["ready again: 2 of 4 workers serve"]


def test_aMomentIsNoNews() -> None:
    """
    A replacement is there in less.
    """
    cluster = Cluster()
    cluster.after(1.0, 1, 2)
    for _ in range(5):
        assert cluster.after(SOON / 2, 1) == []
        assert cluster.after(1.0, 1, 2) == []
