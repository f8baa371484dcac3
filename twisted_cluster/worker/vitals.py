"""
A worker's signs of life, on its page.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from time import process_time_ns

from twisted_cluster.wire.page import EXACT, Page

# Nanoseconds: a fifth of what the primary takes for a heart that stands still.
BEAT_EVERY = 50_000_000
# Soon enough for policies, and so rarely that its system calls cost nothing.
MEASURE_EVERY = 1_000_000_000
# What a sleep in poll(2) is late by, for it counts in milliseconds.
GRAIN = 1_000_000
# The last beats' share of the moving average of lateness: a quarter each.
SMOOTHING = 4
# More descriptors than a worker takes between two beats: with so many free, a burst need
# not be told before the next.
PLENTY = 4096
MEMORY_PAGE = resource.getpagesize()
DESCRIPTORS = "/proc/self/fd"


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
        self._measuredAt = 0
        self._used = 0
        self._free = 0
        self._limit = _limit()
        self._others = self._lowestFree()

    def beat(self, now: int, late: int) -> None:
        """
        Show life.

        @param now: Monotonic nanoseconds.
        @param late: By how many nanoseconds the reactor turned later than it meant to.
        """
        page = self._page
        page.heartbeat = now
        page.lag = max(0, page.lag + (max(0, late - GRAIN) - page.lag) // SMOOTHING)
        self._countDescriptors()
        if now - self._measuredAt >= MEASURE_EVERY:
            self._measure(now)

    def taken(self) -> None:
        """
        Connections were taken: say how many more there is room for.
        """
        if self._free < PLENTY:
            self._countDescriptors()

    def _measure(self, now: int) -> None:
        page, used = self._page, process_time_ns()
        since, self._measuredAt = self._measuredAt, now
        if page.born == 0:
            page.born = now
        else:
            page.cpu = (used - self._used) * 1_000_000 // (now - since)
        self._used, self._limit = used, _limit()
        page.rss = _residentMemory()

    def _countDescriptors(self) -> None:
        page = self._page
        page.headroom = self._free = self._headroom()
        # Last: who sees this number may rely on the other.
        page.counted = page.taken

    def _headroom(self) -> int:
        return max(0, self._limit - self._open())

    def _open(self) -> int:
        """
        How many descriptors are open: Linux says so since 6.2. Elsewhere the lowest free
        number is about as many, but for those that were closed below it: then at least
        the connections are.
        """
        try:
            known = os.stat(DESCRIPTORS).st_size
        except OSError:
            known = 0
        if known:
            return known
        connections = self._page.opened - self._page.closed
        return max(self._lowestFree(), self._others + connections)

    def _lowestFree(self) -> int:
        try:
            lowest = os.dup(self._fileno())
        except OSError:
            return self._limit
        os.close(lowest)
        return lowest


def _limit() -> int:
    """
    How many descriptors there may be; of any number, what a page can tell.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return limit if limit != resource.RLIM_INFINITY else EXACT


def _residentMemory() -> int:
    """
    In bytes; where there is no /proc, the most that it ever was, or 0.
    """
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * MEMORY_PAGE
    except (OSError, ValueError, IndexError):
        # What macOS says is in bytes.
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
