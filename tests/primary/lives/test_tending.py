"""
Worn workers are replaced one at a time.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

from twisted.internet.task import Clock

from twisted_cluster.core.places import Renewal
from twisted_cluster.core.recycling import Recycling
from twisted_cluster.primary.lives.supervisor import Supervisor
from twisted_cluster.primary.lives.tending import LONGEST, Tending


class Watched:
    """
    A supervisor of workers that are two minutes old.

    @ivar replaced: Who was to be, and why.
    """

    def __init__(self, *ids: int) -> None:
        page = SimpleNamespace(opened=0, rss=0)
        hand = SimpleNamespace(page=page)
        self.isCalm = True
        self.replaced: list[tuple[int, str]] = []
        self.workers = {
            id: SimpleNamespace(id=id, age=120.0, hand=hand, isOnline=True) for id in ids
        }

    def replace(self, id: int, renewal: Renewal) -> None:
        self.replaced.append((id, renewal.why))


def tending(supervisor: Watched, maxAge: float = 60.0) -> tuple[Clock, Tending]:
    clock = Clock()
    recycling = Recycling(maxAge, 0, 0, lambda: 0.0)
    return clock, Tending(clock, cast(Supervisor, supervisor), recycling)


def passes(clock: Clock, tending: Tending, seconds: float) -> None:
    for _ in range(round(seconds / 0.05)):
        clock.advance(0.05)
        tending.look()


def test_oneAtATime() -> None:
    """
    The next goes when the one before is gone.
    """
    supervisor = Watched(1, 2)
    clock, tends = tending(supervisor)
    passes(clock, tends, 5.0)
    assert supervisor.replaced == [(1, "it is 120 s old")]
    del supervisor.workers[1]
    passes(clock, tends, 1.1)
    assert [id for id, _ in supervisor.replaced] == [1, 2]


def test_whoLingersHoldsUpNobodyForLong() -> None:
    """
    Half a minute.
    """
    supervisor = Watched(1, 2)
    clock, tends = tending(supervisor)
    passes(clock, tends, LONGEST)
    assert len(supervisor.replaced) == 1
    passes(clock, tends, 3.0)
    assert len(supervisor.replaced) == 2


def test_nobodyGoesWhileAnybodyComes() -> None:
    """
    Nor in a reload.
    """
    supervisor = Watched(1)
    supervisor.isCalm = False
    clock, tends = tending(supervisor)
    passes(clock, tends, 60.0)
    assert supervisor.replaced == []


def test_withoutLimitsNobodyIsLookedAt() -> None:
    """
    However old.
    """
    supervisor = Watched(1)
    clock, tends = tending(supervisor, 0)
    passes(clock, tends, 60.0)
    assert supervisor.replaced == []
