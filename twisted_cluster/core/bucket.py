"""
How much there may be of something in a time: a bucket that fills up again.
"""

from __future__ import annotations

from attrs import Factory, define

# What has not been used of so many seconds may come at once: a start, or an end, tells
# much in a moment.
SAVED = 10.0


@define
class Bucket:
    """
    @ivar rate: So much a second; 0: any amount.
    """

    rate: float
    _left: float = Factory(lambda self: self.rate * SAVED, takes_self=True)
    _at: float = 0.0

    def takes(self, now: float, cost: float) -> bool:
        """
        Use some of it, if it is not used up: what there is suffices for the last one,
        however much that is.

        @param now: Monotonic seconds.
        @return: Whether it was not.
        """
        if not self.rate:
            return True
        saved = self._left + (now - self._at) * self.rate
        self._left, self._at = min(saved, self.rate * SAVED), now
        if self._left <= 0:
            return False
        self._left -= cost
        return True
