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
    patience = Patience(clock, 10.0, lambda: over.append(clock.seconds()))
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
