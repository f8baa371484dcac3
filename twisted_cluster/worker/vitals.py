"""
A worker's signs of life, on the scoreboard.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Callable

from twisted_cluster.wire.scoreboard import Row

MEASURE_EVERY = 1_000_000_000


class Vitals:
    """
    What the primary sees of this worker without asking.
    """

    def __init__(self, row: Row, fileno: Callable[[], int]) -> None:
        """
        @param fileno: Gives a descriptor that is open as long as anybody looks.
        """
        self._row = row
        self._fileno = fileno
        self._limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        self._measureAt = 0

    def beat(self, now: int, late: int) -> None:
        """
        Show life.

        @param now: Monotonic nanoseconds.
        @param late: By how many nanoseconds the reactor turned later than it meant to.
        """
        row = self._row
        row.heartbeat = now
        row.lag = max(0, late)
        if now >= self._measureAt:
            self._measureAt = now + MEASURE_EVERY
            row.headroom = self._headroom()

    def _headroom(self) -> int:
        # The kernel gives the lowest free number, so that it counts what is open.
        try:
            lowest = os.dup(self._fileno())
        except OSError:
            return 0
        os.close(lowest)
        return self._limit - lowest
