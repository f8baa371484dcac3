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

    def take(self, seconds: float) -> None:
        begun = self.clock.seconds()
        self.clock.advance(seconds)
        self.pace.spent(begun)


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
    # What is read all the same, with mail, makes it no shorter.
    reading.take(0.0)
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


def test_whoNeverComesToAnEndFloods(reading: Reading) -> None:
    """
    Neither many messages nor a long time alone are a flood.
    """
    pace, clock = reading.pace, reading.clock
    for _ in range(3):
        pace.left(FLOOD)
        clock.advance(FLOOD_SECONDS - 0.1)
        pace.left(FLOOD)
        pace.emptied()
        pace.left(1)
        clock.advance(FLOOD_SECONDS)
        pace.left(1)
        pace.emptied()
    pace.left(1)
    clock.advance(FLOOD_SECONDS)
    with pytest.raises(MessageError, match=f"{FLOOD + 1} messages in 3 s"):
        pace.left(FLOOD)
