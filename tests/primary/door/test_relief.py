"""
Who does not take what it is handed is seen.
"""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from twisted.internet.task import Clock

from tests.core.members import hand, member, take
from twisted_cluster.core.member import Member
from twisted_cluster.core.roster import Roster
from twisted_cluster.primary.door.relief import GLANCE, Relief


class Relieved:
    """
    Relief, and what it has done.
    """

    def __init__(self) -> None:
        self.clock = Clock()
        self.roster: Roster[Member] = Roster()
        self.calls: list[list[int]] = []
        self.raises: BaseException | None = None
        self.relief = Relief(
            self.clock,
            lambda: int(self.clock.seconds() * 1e9),
            self.roster,
            self._relieve,
        )

    def _relieve(self, behind: Iterable[Member]) -> None:
        self.calls.append([one.id for one in behind])
        if self.raises is not None:
            raise self.raises


def test_nobodyLooksWhileThereIsNothing() -> None:
    """
    It begins with what is handed over, and ends when that is taken.
    """
    made = Relieved()
    one = member(1)
    made.roster.enter(one)
    assert made.clock.getDelayedCalls() == []
    hand(one)
    made.relief.watch()
    made.relief.watch()
    assert len(made.clock.getDelayedCalls()) == 1
    take(one)
    made.clock.advance(GLANCE)
    assert made.clock.getDelayedCalls() == []
    assert made.calls == []


def test_whoStallsIsToldAndWhoGoesOn() -> None:
    made = Relieved()
    one = member(1)
    made.roster.enter(one)
    hand(one)
    made.relief.watch()
    made.clock.pump([GLANCE] * 4)
    assert made.calls == [[1]]
    take(one)
    made.clock.advance(GLANCE)
    assert made.calls == [[1], []]


@pytest.mark.parametrize("raised", [SystemExit, ValueError])
def test_itLooksOnWhateverIsRaised(raised: type[BaseException]) -> None:
    made = Relieved()
    one = member(1)
    made.roster.enter(one)
    hand(one)
    made.relief.watch()
    made.raises = raised()
    made.clock.advance(GLANCE)
    with pytest.raises(raised):
        made.clock.advance(GLANCE)
    assert len(made.clock.getDelayedCalls()) == 1
    made.raises = None
    take(one)
    made.clock.advance(GLANCE)
    assert made.calls[-1] == []


def test_atTheEndNobodyLooks() -> None:
    made = Relieved()
    made.relief.watch()
    made.relief.rest()
    made.relief.rest()
    assert made.clock.getDelayedCalls() == []
