"""
What is said once a minute, and no more often.
"""

from __future__ import annotations

from collections.abc import Callable

MINUTE = 60_000_000_000


class Complaints:
    """
    Remembers what was complained about.
    """

    def __init__(self, nanoseconds: Callable[[], int]) -> None:
        """
        @param nanoseconds: The monotonic clock.
        """
        self._now = nanoseconds
        self._said: dict[str, int] = {}

    def isDue(self, about: str = "") -> bool:
        """
        Whether to complain now; if so, the minute begins.
        """
        now = self._now()
        if now - self._said.get(about, -MINUTE) < MINUTE:
            return False
        self._said[about] = now
        return True
