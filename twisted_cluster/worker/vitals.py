"""
A worker's signs of life, on the scoreboard.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from time import process_time_ns

from twisted_cluster.wire.scoreboard import Row

MEASURE_EVERY = 1_000_000_000
# What a sleep in poll(2) is late by, for it counts in milliseconds.
GRAIN = 1_000_000
# The last beats' share of the moving average of lateness: a quarter each.
SMOOTHING = 4
PAGE = resource.getpagesize()


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
        self._measuredAt = 0
        self._used = 0

    def beat(self, now: int, late: int) -> None:
        """
        Show life.

        @param now: Monotonic nanoseconds.
        @param late: By how many nanoseconds the reactor turned later than it meant to.
        """
        row = self._row
        row.heartbeat = now
        row.lag += (max(0, late - GRAIN) - row.lag) // SMOOTHING
        if now - self._measuredAt >= MEASURE_EVERY:
            self._measure(now)

    def _measure(self, now: int) -> None:
        row, used = self._row, process_time_ns()
        if row.born == 0:
            row.born = now
        else:
            row.cpu = (used - self._used) * 1_000_000 // (now - self._measuredAt)
        row.headroom = self._headroom()
        row.rss = _residentMemory()
        self._measuredAt, self._used = now, used

    def _headroom(self) -> int:
        # The kernel gives the lowest free number, so that it counts what is open.
        try:
            lowest = os.dup(self._fileno())
        except OSError:
            return 0
        os.close(lowest)
        return self._limit - lowest


def _residentMemory() -> int:
    """
    In bytes; where there is no /proc, the most that it ever was, or 0.
    """
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * PAGE
    except OSError:
        # What macOS says is in bytes.
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
