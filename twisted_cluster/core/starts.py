"""
How many starts there may be, and which of them take too long.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from attrs import Factory, define

from twisted_cluster.core.actions import PLACE, STARTING, Abort, Action, Report
from twisted_cluster.core.places import Life

# How often a slow start is mentioned, and for how long it holds back the others.
SLOW_START = 10.0
HOLD = 30.0
# A start takes a third of a CPU second: more in a second would only slow down each other
# and those who serve.
STARTS_PER_SECOND = 32


@define(eq=False)
class Pace:
    """
    How fast workers are started.

    @ivar atATime: How many may start at a time, 1 or more; one that hangs holds up
        nobody for more than L{HOLD}.
    @ivar mayStart: Whether workers of a generation may be started yet.
    """

    atATime: int
    mayStart: Callable[[int], bool] = lambda generation: True
    _starts: deque[float] = Factory(lambda: deque(maxlen=STARTS_PER_SECOND))

    def started(self, now: float) -> None:
        """
        One more has been started.
        """
        self._starts.append(now)

    def isReached(self, now: float, starting: Iterable[Life]) -> bool:
        """
        Whether nobody may be started just now.

        @param starting: Those that are.
        """
        hasRate = len(self._starts) == STARTS_PER_SECOND
        if hasRate and now - self._starts[0] < 1.0:
            return True
        return sum(now - life.begun < HOLD for life in starting) >= self.atATime


def watchStart(life: Life, now: float, timeout: float) -> list[Action]:
    """
    See how far a start is that was not overdue before.

    @param timeout: How long it may take, in seconds.
    """
    seconds = now - life.begun
    if seconds >= timeout:
        life.isOverdue = True
        return [Abort(life.id, f"it had not started within {timeout:g} s")]
    if seconds // SLOW_START > life.mentioned:
        life.mentioned = int(seconds // SLOW_START)
        return [Report(STARTING, life.slot, seconds, life.id, PLACE)]
    return []
