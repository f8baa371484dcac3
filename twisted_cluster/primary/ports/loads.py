"""
Which ports that workers open have programs that take a while to load, and memory.
"""

from __future__ import annotations

from attrs import Factory, define

from twisted_cluster.core.allowance import Allowance

# So many at a time; those of UDP take 8 MB each.
MOST = 8
# So many a second in the long run, and at once: each takes this process up to 50 ms.
RATE, AT_ONCE = 0.1, 4.0


@define
class Loads:
    """
    Few, however many ports workers open and close.
    """

    _having: set[int] = Factory(set)
    _pace: Allowance = Factory(lambda: Allowance(RATE, AT_ONCE))

    def takes(self, port: int, now: float) -> bool:
        """
        @param port: The listener's number.
        @param now: In seconds.
        @return: Whether it has one.
        """
        isTaken = len(self._having) < MOST and self._pace.takes(now, 1.0)
        if isTaken:
            self._having.add(port)
        return isTaken

    def leave(self, port: int) -> None:
        """
        A port is closed.
        """
        self._having.discard(port)
