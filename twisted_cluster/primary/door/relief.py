"""
Relieves workers that do not take what they were handed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from twisted_cluster.core.roster import Roster
from twisted_cluster.primary.door.hands import Hand

# A worker that has a turn of its loop longer than that is not the best one to be given
# more; while nobody has anything to take, nobody looks.
GLANCE = 0.01


class Relief:
    """
    Looks at workers while they have anything that they have not taken, and lets others
    have it.
    """

    def __init__(
        self,
        clock: IReactorTime,
        nanoseconds: Callable[[], int],
        roster: Roster[Hand],
        relieve: Callable[[Iterable[Hand]], None],
    ) -> None:
        """
        @param nanoseconds: The monotonic clock.
        @param relieve: Called when workers have stalled, or go on, with those that have
            stalled.
        """
        self._clock = clock
        self._now = nanoseconds
        self._roster = roster
        self._relieve = relieve
        self._glancing: IDelayedCall | None = None

    def watch(self) -> None:
        """
        Something was handed over: look whether it is taken.
        """
        if self._glancing is None:
            self._glancing = self._clock.callLater(GLANCE, self._glance)

    def _glance(self) -> None:
        self._glancing = None
        try:
            changed = self._roster.glance(self._now())
            if changed:
                self._relieve([one for one in changed if one.stalled])
        finally:
            if self._roster.isBusy:
                self.watch()

    def rest(self) -> None:
        """
        There are no workers.
        """
        if self._glancing is not None:
            self._glancing.cancel()
            self._glancing = None
