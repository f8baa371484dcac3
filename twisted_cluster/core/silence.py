"""
For how long a worker has shown no life, as whoever listens has heard it.
"""

from __future__ import annotations

from attrs import define

# No more than this counts from one look to the next: who listens may have stood still
# itself, and so may the whole machine.
LONGEST_GAP = 250_000_000


@define(eq=False)
class Silence:
    """
    @ivar nanoseconds: How long it has lasted.
    """

    nanoseconds: int = 0
    _beat: int = -1
    _lookedAt: int = 0

    def look(self, now: int, beat: int) -> int:
        """
        To be called some 20 times a second.

        @param now: Monotonic nanoseconds.
        @param beat: The worker's last sign of life; only whether it changes counts.
        @return: How long the silence lasts that this sign ends; 0 if it lasts on, or was
            none.
        """
        passed = min(max(0, now - self._lookedAt), LONGEST_GAP)
        self._lookedAt = now
        if beat == self._beat:
            self.nanoseconds += passed
            return 0
        ended = self.nanoseconds
        self._beat, self.nanoseconds = beat, 0
        return ended
