"""
A worker's signs of life, on its page.
"""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Callable
from time import monotonic_ns, process_time_ns

from twisted_cluster.wire.page import ATTACHED, EXACT, Page
from twisted_cluster.worker.descriptors import Descriptors

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
# Nanoseconds: in less an application opens few descriptors.
SOON = 1_000_000
MEMORY_PAGE = resource.getpagesize()
# Who has imported these looks at this process, or is about to.
DEBUGGERS = ("pydevd", "debugpy.server")
DESCRIPTORS = "/proc/self/fd"


class Vitals:
    """
    What the primary sees of this worker without asking.
    """

    def __init__(
        self, page: Page, fileno: Callable[[], int], descriptors: Descriptors
    ) -> None:
        """
        @param fileno: Gives a descriptor that is open as long as anybody looks.
        @param descriptors: How many there may be.
        """
        self._page = page
        self._descriptors = descriptors
        self._countedAt = 0
        self._few = 0
        self._fileno = fileno
        self._measuredAt = 0
        self._used = 0
        self._free = 0
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

    def expect(self) -> None:
        """
        Connections are about to be taken: see that there are numbers for them. Once the
        limit is as high as it goes this costs nothing.
        """
        if self._descriptors.isRaised:
            return
        page = self._page
        isOld = monotonic_ns() - self._countedAt > SOON
        if isOld or page.taken - page.counted > self._few:
            self._countDescriptors()

    def _measure(self, now: int) -> None:
        page, used = self._page, process_time_ns()
        since, self._measuredAt = self._measuredAt, now
        if page.born == 0:
            page.born = now
        else:
            page.cpu = (used - self._used) * 1_000_000 // (now - since)
        self._used = used
        self._descriptors.look()
        if any(map(sys.modules.__contains__, DEBUGGERS)):
            page.held = ATTACHED
        page.rss = _residentMemory()

    def _countDescriptors(self) -> None:
        page, descriptors = self._page, self._descriptors
        used = self._open()
        descriptors.makeRoom(used)
        # Each connection may make the application open some more.
        self._few = (descriptors.spare - used) // 4
        self._countedAt = monotonic_ns()
        page.headroom = self._free = min(EXACT, max(0, descriptors.most - used))
        # Last: who sees this number may rely on the other.
        page.counted = page.taken

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
            return self._descriptors.limit
        os.close(lowest)
        return lowest


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
