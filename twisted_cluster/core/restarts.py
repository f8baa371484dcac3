"""
How long before a dead worker is replaced.
"""

from __future__ import annotations

from attrs import define


def restartDelay(deaths: int, first: float = 0.1, limit: float = 30.0) -> float:
    """
    How long to wait before starting a worker again.

    @param deaths: Early deaths in a row; 1 or more.
    @param first: The delay after the first, in seconds.
    @param limit: Longest delay, in seconds.
    @return: Seconds, doubling with each death, never above C{limit}.
    @raise ValueError: If C{deaths} is below 1.
    @see: L{twisted.runner.procmon.ProcessMonitor}, which doubles likewise.
    """
    if deaths < 1:
        raise ValueError(f"{deaths} deaths: 1 or more")
    return float(min(limit, first * 2.0 ** min(deaths - 1, 60)))


@define
class Backoff:
    """
    One slot's early deaths in a row.

    @ivar healthy: A worker that lived so many seconds was healthy: the next delay
        is the first one again.
    """

    healthy: float = 30.0
    deaths: int = 0

    def died(self, lived: float) -> float:
        """
        @param lived: How long the worker was online, in seconds; 0 if never.
        @return: How long to wait before its replacement, in seconds.
        """
        self.deaths = 1 if lived >= self.healthy else self.deaths + 1
        return restartDelay(self.deaths)
