"""
How many workers start at a time.
"""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from tests.logged import Logged
from twisted_cluster.primary.lives.turns import LONGEST_TURN, Turns


class Some:
    """
    Things that are begun in their turn, two at a time.

    @ivar begun: Which of them are.
    """

    def __init__(self) -> None:
        self.clock = Clock()
        self.turns = Turns(self.clock, 2)
        self.begun: list[int] = []

    def take(self, *ids: int) -> None:
        for id in ids:
            self.turns.take(id, lambda id=id: self.begun.append(id))  # type: ignore[misc]

    def done(self, id: int) -> list[int]:
        self.turns.done(id)
        self.clock.advance(0)
        return self.begun


def test_theFirstBeginAtOnceOthersInTheirTurn() -> None:
    """
    In the order in which they came.
    """
    some = Some()
    some.take(1, 2, 3, 4)
    assert some.begun == [1, 2]
    assert some.done(2) == [1, 2, 3]
    assert some.done(2) == [1, 2, 3]
    some.take(5)
    assert some.done(1) == [1, 2, 3, 4]
    assert some.done(4) == [1, 2, 3, 4, 5]


def test_whoHasGivenUpWaitingIsNotBegun() -> None:
    """
    Nor does it take a turn.
    """
    some = Some()
    some.take(1, 2, 3, 4)
    assert some.done(3) == [1, 2]
    assert some.done(1) == [1, 2, 4]


def test_whatFailsIsDone(logged: Logged) -> None:
    """
    At once it is its caller's affair, later it is told.
    """
    some = Some()
    with pytest.raises(ZeroDivisionError):
        some.turns.take(1, lambda: divmod(1, 0))  # type: ignore[arg-type, return-value]
    some.take(2, 3)
    assert some.begun == [2, 3]
    some.turns.take(4, lambda: divmod(1, 0))  # type: ignore[arg-type, return-value]
    some.take(5)
    some.done(2)
    assert some.begun == [2, 3, 5]
    assert logged.texts() == ["what was to be done in its turn has failed"]


def test_whatNeverEndsHoldsUpNobodyForLong() -> None:
    """
    Its turn is over then, and it may be done later all the same.
    """
    some = Some()
    some.take(1, 2, 3, 4, 5)
    some.clock.advance(LONGEST_TURN)
    some.clock.advance(0)
    assert some.begun == [1, 2, 3, 4]
    assert some.done(1) == [1, 2, 3, 4]
    assert some.done(4) == [1, 2, 3, 4, 5]
    some.done(3)
    some.done(5)
    assert some.clock.getDelayedCalls() == []
