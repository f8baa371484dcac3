"""
How much of somebody's time another may take.
"""

from __future__ import annotations

from attrs import define


@define
class Allowance:
    """
    A share of the time in the long run, and so much at once for who has taken none for a
    while.

    @ivar share: The share, above 0, at most 1.
    @ivar most: The most at once, in seconds.
    """

    share: float
    most: float
    _spent: float = 0.0
    _at: float = 0.0

    def spend(self, now: float, seconds: float) -> float:
        """
        Something took its time.

        @param now: Of a clock that does not go back, in seconds.
        @return: How long there is to be nothing more of it, in seconds; often 0.
        """
        earned = (now - self._at) * self.share
        self._spent = max(0.0, self._spent - earned) + seconds
        self._at = now
        return max(0.0, self._spent - self.most) / self.share
