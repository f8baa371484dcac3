"""
How many workers start at a time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from twisted_cluster.core.starts import HOLD
from twisted_cluster.cpus import usableCPUs

log = Logger()

# Who takes longer holds up nobody; as long as L{twisted_cluster.core.starts} waits.
LONGEST_TURN = HOLD


def startsAtATime() -> int:
    """
    @return: A start is CPU time from its first to its last moment: more than two per CPU
        only keep each other up, and those who serve. Where there are few CPUs, eight, so
        that some that wait for something else do not hold up all.
    """
    return max(8, 2 * usableCPUs())


class Turns:
    """
    Calls things at once while few are under way, and others in their turn, which come
    after L{LONGEST_TURN} at the latest.
    """

    def __init__(self, clock: IReactorTime, most: int) -> None:
        """
        @param most: How many may be under way at a time.
        """
        self._clock = clock
        self._most = most
        self._underWay: dict[int, IDelayedCall] = {}
        self._waiting: deque[tuple[int, Callable[[], None]]] = deque()

    def take(self, id: int, call: Callable[[], None]) -> None:
        """
        Call something, now or later.

        @param id: What L{done} is to be told. What is called now may raise; it is done
            then.
        """
        if self._waiting or len(self._underWay) >= self._most:
            self._waiting.append((id, call))
            return
        self._begin(id, call)

    def done(self, id: int) -> None:
        """
        Something is not under way any more; told again, nothing happens.
        """
        self._waiting = deque(one for one in self._waiting if one[0] != id)
        overdue = self._underWay.pop(id, None)
        if overdue is not None:
            if overdue.active():
                overdue.cancel()
            if self._waiting:
                self._clock.callLater(0, self._next)

    def _begin(self, id: int, call: Callable[[], None]) -> None:
        self._underWay[id] = self._clock.callLater(LONGEST_TURN, self.done, id)
        try:
            call()
        except BaseException:
            self.done(id)
            raise

    def _next(self) -> None:
        if not self._waiting or len(self._underWay) >= self._most:
            return
        try:
            self._begin(*self._waiting.popleft())
        except BaseException:
            log.failure("what was to be done in its turn has failed")
