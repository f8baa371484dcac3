"""
What is known of one worker's life, and of a place for one.
"""

from __future__ import annotations

from twisted_cluster.core.places import ALONE, SETTLED, Life, Slot


def test_whoIsStarting() -> None:
    """
    Until it is ready, or ends.
    """
    life = Life(id=7, slot=2, generation=1, begun=100.0)
    assert life.isStarting
    life.ready = 101.0
    assert not life.isStarting
    assert not Life(id=8, slot=2, generation=1, begun=100.0, isLeaving=True).isStarting


def test_whoHasSettled() -> None:
    """
    Counts from when it was ready, not from when it was started.
    """
    life = Life(id=7, slot=2, generation=1, begun=0.0)
    assert not life.hasSettled(1000.0)
    life.ready = 500.0
    assert not life.hasSettled(500.0 + SETTLED / 2)
    assert life.hasSettled(500.0 + SETTLED)


def test_livesAreNotTheSame() -> None:
    """
    Whatever they have in common.
    """
    assert Life(1, 2, 3, 4.0) != Life(1, 2, 3, 4.0)


def test_nobodyWaitsLongForTheOnlyOne() -> None:
    """
    Where the last one had been ready, not at all; else for a while, however long the
    back-off.
    """
    slot = Slot(failures=9, failed=100.0, due=130.0)
    assert slot.dueAlone(101.0) == 100.0 + ALONE
    slot.due = 100.5
    assert slot.dueAlone(101.0) == 100.5
    slot.canStart = True
    assert slot.dueAlone(101.0) == 101.0
