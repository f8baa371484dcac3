"""
How much of something another may have: of somebody's time, or of the log.
"""

from __future__ import annotations

from attrs import define


@define
class Allowance:
    """
    So much of it in the long run, and more at once for who has had none for a while.

    @ivar rate: So much a second, above 0: of time a share, at most 1.
    @ivar most: The most at once.
    """

    rate: float
    most: float
    _spent: float = 0.0
    _at: float = 0.0

    def spend(self, now: float, amount: float) -> float:
        """
        Some was had.

        @param now: Of a clock that does not go back, in seconds.
        @return: How long there is to be nothing more of it, in seconds; often 0.
        """
        self._earn(now)
        self._spent += amount
        return max(0.0, self._spent - self.most) / self.rate

    def takes(self, now: float, amount: float) -> bool:
        """
        Have some, unless all is spent: what there is suffices for the last one, however
        much that is.

        @param now: As of L{spend}.
        @return: Whether it was not.
        """
        self._earn(now)
        if self._spent >= self.most:
            return False
        self._spent += amount
        return True

    def _earn(self, now: float) -> None:
        self._spent = max(0.0, self._spent - (now - self._at) * self.rate)
        self._at = now
