"""
What is known of one worker's life, and of a place for one.
"""

from __future__ import annotations

import pytest

from twisted_cluster.core.places import ALONE, SETTLED, Life, Renewal, Slot


def test_whoIsStarting() -> None:
    """
    Until it is ready, or ends.
    """
    life = Life(id=7, slot=2, generation=1, begun=100.0)
    assert life.isStarting
    life.ready = 101.0
    assert not life.isStarting
    assert not Life(id=8, slot=2, generation=1, begun=100.0, isLeaving=True).isStarting


def test_whoIsToBeReplacedLeavesRoom() -> None:
    """
    As does who ends; it serves on.
    """
    life = Life(id=7, slot=2, generation=1, begun=0.0, ready=1.0)
    assert life.fills
    life.renewal = Renewal()
    assert not life.fills
    assert not Life(id=8, slot=2, generation=1, begun=0.0, isLeaving=True).fills


@pytest.mark.parametrize(
    ("now", "ready", "isDue"),
    [
        (7.9, None, False),
        (7.9, 5.0, False),
        (8.0, 5.0, True),
        (20.0, None, True),
    ],
)
def test_whenWhoMakesWayLeaves(now: float, ready: float | None, isDue: bool) -> None:
    """
    When its successor has been ready for long enough, or at the latest hour.
    """
    assert Renewal("old", trial=3.0, latest=20.0).isDue(now, ready) is isDue


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
