"""
A worker's signs of life, on its page.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from time import process_time_ns

from twisted_cluster.wire.page import Page

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

    def __init__(self, page: Page, fileno: Callable[[], int]) -> None:
        """
        @param fileno: Gives a descriptor that is open as long as anybody looks.
        """
        self._page = page
        self._fileno = fileno
        self._limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        self._measuredAt = 0
        self._used = 0
        self._closed = 0

    def beat(self, now: int, late: int) -> None:
        """
        Show life.

        @param now: Monotonic nanoseconds.
        @param late: By how many nanoseconds the reactor turned later than it meant to.
        """
        page = self._page
        page.heartbeat = now
        page.lag += (max(0, late - GRAIN) - page.lag) // SMOOTHING
        if now - self._measuredAt >= MEASURE_EVERY:
            self._measure(now)
        elif page.counted != page.taken or page.closed != self._closed:
            self._count()

    def _count(self) -> None:
        # In this order: what is handed over meanwhile may count twice, not never.
        page = self._page
        page.headroom, page.counted = self._headroom(), page.taken
        self._closed = page.closed

    def _measure(self, now: int) -> None:
        page, used = self._page, process_time_ns()
        if page.born == 0:
            page.born = now
        else:
            page.cpu = (used - self._used) * 1_000_000 // (now - self._measuredAt)
        self._count()
        page.rss = _residentMemory()
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
