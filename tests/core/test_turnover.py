"""
Slots that go from one generation of workers to the next, or back.
"""

from __future__ import annotations

from twisted_cluster.core.actions import PERSISTENT, Retire
from twisted_cluster.core.places import Life, Renewal
from twisted_cluster.core.population import Population
from twisted_cluster.core.turnover import ASKED, LOOKED_AT, UNDONE, Turnover

OLD, NEW = 1, 2


class Ground:
    """
    Two slots, each with an old worker that serves.
    """

    def __init__(self) -> None:
        self.there = Population()
        self.there.provide(2, OLD)
        self.turnover = Turnover(OLD, NEW, self.there)
        self.old = [self.begin(number, ready=0.0) for number in (1, 2)]

    def begin(self, number: int, ready: float | None = None) -> Life:
        life = self.there.begin(0.0, number)
        life.ready = ready
        return life


def test_aSlotIsTaken() -> None:
    """
    Its next worker is a new one; it is renewed when that one alone serves.
    """
    ground = Ground()
    assert ground.turnover.take(5.0, 1, LOOKED_AT) == []
    assert ground.old[0].renewal == LOOKED_AT
    assert ground.turnover.isTaken(1)
    assert not ground.turnover.isTaken(2)
    new = ground.begin(1)
    assert ground.turnover.newIn(1) is new
    new.ready = 6.0
    assert not ground.turnover.isRenewed(1)
    ground.turnover.letGo([1])
    assert ground.old[0].renewal == ASKED
    ground.old[0].retire()
    assert ground.turnover.isRenewed(1)


def test_whoServesNobodyYetLeavesAtOnce() -> None:
    """
    Nobody misses it.
    """
    ground = Ground()
    ground.old[0].ready = None
    said = ground.turnover.take(5.0, 1, ASKED)
    assert said == [Retire(ground.old[0].id, ASKED.why)]


def test_backToThoseOfBefore() -> None:
    """
    A new one leaves at once where an old one is there still, else when there is one.
    """
    ground = Ground()
    for number in (1, 2):
        ground.turnover.take(5.0, number, ASKED)
    news = [ground.begin(number, ready=6.0) for number in (1, 2)]
    ground.old[1].retire()
    assert ground.turnover.undo(7.0) == [Retire(news[0].id, UNDONE.why)]
    assert ground.old[0].renewal is None
    assert news[1].renewal == UNDONE
    assert not ground.turnover.isTaken(2)
    assert not ground.turnover.isUndone
    ground.there.begin(8.0, 2).ready = 9.0
    news[1].retire()
    assert ground.turnover.isUndone


def test_whoIsToLeaveAnywayIsNotKept() -> None:
    """
    A drain, say, has nothing to do with the reload.
    """
    ground = Ground()
    ground.old[0].renewal = drain = Renewal("a drain")
    ground.turnover.take(5.0, 1, ASKED)
    assert ground.old[0].renewal == drain
    ground.turnover.undo(6.0)
    assert ground.old[0].renewal == drain


def test_aNewOneStaysWhereNoOldOneCanStart() -> None:
    """
    There is nobody else to serve.
    """
    ground = Ground()
    ground.turnover.take(5.0, 1, ASKED)
    new = ground.begin(1, ready=6.0)
    ground.old[0].retire()
    ground.turnover.undo(7.0)
    slot = ground.there.slots[1]
    ground.turnover.settleForNew()
    assert new.renewal == UNDONE
    slot.failures = PERSISTENT
    ground.turnover.settleForNew()
    assert (new.renewal, ground.turnover.stuck) == (None, 1)
    assert ground.turnover.isUndone


def test_whatIsLeftOff() -> None:
    """
    Slots that have an old one still go back; others are what they have become.
    """
    ground = Ground()
    for number in (1, 2):
        ground.turnover.take(5.0, number, ASKED)
        ground.begin(number, ready=6.0)
    ground.old[1].retire()
    ground.turnover.leaveOff(7.0)
    assert not ground.turnover.isTaken(1)
    assert ground.turnover.isTaken(2)


def test_unfitIsWhoHasHadItsTime() -> None:
    """
    What is wrong at first may be right a moment later.
    """
    ground = Ground()
    ground.turnover.take(5.0, 1, ASKED)
    new = ground.begin(1, ready=6.0)
    new.unfit = "it listens nowhere"
    assert ground.turnover.unfit(6.5, 1.0) is None
    assert ground.turnover.unfit(7.0, 1.0) is new
