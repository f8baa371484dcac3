"""
Time that passes as fast as one can count.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush


class Timeline:
    """
    @ivar now: Seconds since the beginning.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self._count = 0
        self._due: list[tuple[float, int, Callable[..., object], tuple[object, ...]]] = []

    def nanoseconds(self) -> int:
        """
        The same, as the mechanism counts it.
        """
        return int(self.now * 1e9)

    def at(self, time: float, do: Callable[..., object], *given: object) -> None:
        """
        Have something done; what is due at one time is done in the order of asking.
        """
        self._count += 1
        heappush(self._due, (time, self._count, do, given))

    def every(self, seconds: float, do: Callable[[], object]) -> None:
        """
        Have something done again and again.
        """
        do()
        self.at(self.now + seconds, self.every, seconds, do)

    def run(self, isOver: Callable[[], bool]) -> None:
        """
        Let time pass.
        """
        while self._due and not isOver():
            self.now, _, do, given = heappop(self._due)
            do(*given)
