"""
How fast what one worker says is read.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, cast

import pytest
from twisted.internet.testing import MemoryReactorClock

from twisted_cluster.errors import MessageError
from twisted_cluster.primary.lives.pace import (
    AT_ONCE,
    FEW,
    FLOOD,
    FLOOD_SECONDS,
    SHARE,
    Pace,
)
from twisted_cluster.wire.reader import Reader


class Reading:
    """
    What is read, and how fast.
    """

    def __init__(self, fd: int) -> None:
        self.clock = MemoryReactorClock()
        self.clock.advance(1000.0)
        reader = Reader(cast(Any, self.clock), lambda: fd, lambda: None, "it")
        reader.start()
        self.pace = Pace(self.clock, reader)

    @property
    def isRead(self) -> bool:
        return bool(self.clock.getReaders())

    def take(self, seconds: float, count: int = 1, isAll: bool = True) -> None:
        """
        Read as soon as it is due.
        """
        if self.pace.isResting:
            (call,) = self.clock.getDelayedCalls()
            self.clock.advance(call.getTime() - self.clock.seconds())
        # Calls nobody: what is read takes time, and nothing else happens meanwhile.
        self.clock.rightNow += seconds
        self.pace.spent(seconds, count, isAll)


@pytest.fixture
def reading() -> Iterator[Reading]:
    fds = os.pipe()
    yield Reading(fds[0])
    for fd in fds:
        os.close(fd)


def test_whoTakesItsShareOfTimeHasToRest(reading: Reading) -> None:
    """
    And is read again afterwards.
    """
    reading.take(AT_ONCE / 2)
    assert reading.isRead
    reading.take(AT_ONCE)
    assert not reading.isRead
    assert reading.pace.isResting
    reading.clock.advance(AT_ONCE / SHARE)
    assert reading.isRead
    assert not reading.pace.isResting


def test_whoIsStoppedIsReadNoMore(reading: Reading) -> None:
    """
    Also after its rest.
    """
    reading.take(2 * AT_ONCE)
    reading.pace.stop()
    reading.pace.stop()
    reading.clock.advance(1000.0)
    assert not reading.isRead
    assert not reading.clock.getDelayedCalls()


def takeFor(reading: Reading, seconds: float, count: int, isAll: bool) -> None:
    """
    Read again and again, for so long.
    """
    end = reading.clock.seconds() + seconds
    while reading.clock.seconds() < end:
        reading.take(0.001, count, isAll)


@pytest.mark.parametrize(("count", "isAll"), [(FEW + 1, True), (2, False)])
def test_whoHasAlwaysMoreToSayFloods(reading: Reading, count: int, isAll: bool) -> None:
    """
    Than there is time for; many messages, or a long time, alone are no flood.
    """
    reading.take(2 * AT_ONCE, 10 * FLOOD, False)
    takeFor(reading, FLOOD_SECONDS - 2 * AT_ONCE / SHARE, count, isAll)
    reading.take(0.001, FEW)
    takeFor(reading, FLOOD_SECONDS - 0.1, count, isAll)
    with pytest.raises(MessageError, match=r"messages in [34] s, and more to come"):
        takeFor(reading, 4 * FLOOD_SECONDS, count, isAll)


def test_whoWaitsForAnswersMayAskAllDay(reading: Reading) -> None:
    """
    Slowly, if it is too often.
    """
    takeFor(reading, 100.0, 1, True)
