"""
Who reads the log over the control socket.
"""

from __future__ import annotations

from typing import cast

from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import LogEvent, LogPublisher
from twisted.web.server import Request

from twisted_cluster.admin.following import MOST_WAITING, Follower
from twisted_cluster.admin.recent import Recent


class Asked:
    """
    A request, as far as a reader needs one.
    """

    def __init__(self) -> None:
        self.written = b""
        self.producer: Follower | None = None
        self.left: Deferred[None] = Deferred()

    def write(self, data: bytes) -> None:
        """
        Keep it.
        """
        self.written += data

    def notifyFinish(self) -> Deferred[None]:
        """
        When it has left.
        """
        return self.left

    def registerProducer(self, producer: Follower, isPush: bool) -> None:
        """
        Who is to pause.
        """
        assert isPush
        self.producer = producer


def reader() -> tuple[Asked, Recent, Follower]:
    """
    One that follows the log.
    """
    asked = Asked()
    recent = Recent(LogPublisher(), MemoryReactorClock(), "info")
    follower = Follower(
        cast(Request, asked), recent, lambda event: event["n"] >= 0, _line
    )
    follower.follow()
    return asked, recent, follower


def _line(event: LogEvent) -> str:
    return f"{event['n']:099}\n"


def tell(recent: Recent, *numbers: int) -> None:
    """
    Log events.
    """
    for number in numbers:
        for listener in recent.listeners:
            listener({"n": number})


def test_whatIsMeantIsToldAtOnce() -> None:
    """
    The rest is not.
    """
    asked, recent, _ = reader()
    tell(recent, 1, -1, 2)
    assert [int(line) for line in asked.written.split()] == [1, 2]


def test_whoDoesNotKeepUpMissesTheRest() -> None:
    """
    What waits is bounded, comes first, and then it is said how much is missing.
    """
    asked, recent, follower = reader()
    follower.pauseProducing()
    count = MOST_WAITING // 100
    tell(recent, *range(count + 5))
    assert asked.written == b""
    follower.resumeProducing()
    *lines, last = asked.written.splitlines()
    assert [int(line) for line in lines] == list(range(count))
    assert last == b"[5 events dropped: this reader is too slow]"
    tell(recent, 7)
    assert asked.written.endswith(b"7\n")


def test_whoHasLeftHearsNothing() -> None:
    """
    Nor is anything kept for it.
    """
    asked, recent, follower = reader()
    asked.left.callback(None)
    assert recent.listeners == []
    follower.stopProducing()
