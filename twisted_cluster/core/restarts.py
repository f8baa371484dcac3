"""
How long before a dead worker is replaced.
"""

from __future__ import annotations


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
