"""
How long a worker may take to end.
"""

from __future__ import annotations

from twisted.internet.task import Clock

from twisted_cluster.primary.lives.patience import Patience


def test_whatIsLeftIsCountedFromWhenItIsToEnd() -> None:
    """
    Not from the last time that it was told; and it runs out 2 s later.
    """
    clock, over = Clock(), list[float]()
    patience = Patience(clock, 10.0, 5.0, lambda: over.append(clock.seconds()))
    clock.advance(5.0)
    assert (patience.drainLeft, patience.isDrainOver) == (10.0, False)
    patience.begin()
    clock.advance(4.0)
    patience.begin()
    assert (patience.drainLeft, patience.isDrainOver) == (6.0, False)
    clock.advance(6.0)
    assert (patience.drainLeft, patience.isDrainOver) == (0.0, True)
    clock.advance(2.0)
    assert over == [17.0]


def test_anApplicationHasATimeOfItsOwnToStop() -> None:
    """
    From when the worker has let go of the primary, and once.
    """
    clock, over = Clock(), list[float]()
    patience = Patience(clock, 10.0, 5.0, lambda: over.append(clock.seconds()))
    patience.extend()
    patience.begin()
    clock.advance(11.0)
    patience.extend()
    assert patience.seconds == 18.0
    clock.advance(3.0)
    patience.extend()
    clock.advance(3.9)
    assert over == []
    clock.advance(0.1)
    assert over == [18.0]
