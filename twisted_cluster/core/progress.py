"""
Whether a worker takes what it is handed.
"""

from __future__ import annotations

# From one beat to the next no more than this counts as time in which it took nothing: it
# may have been at work, or the primary may have stood still itself.
LONGEST_GAP = 250_000_000


class Progress:
    """
    Whether a worker takes what it is handed, as far as that can be seen from time to
    time.

    @ivar isStalled: Whether it has not taken what it was handed for a while, nor shown
        life since.
    """

    def __init__(self, taken: int) -> None:
        """
        @param taken: How many connections it had taken before.
        """
        self.isStalled = False
        self._seen = -1
        self._stalledAt = 0
        self._taken = taken
        self._lookedAt = 0
        self._countedAt = 0
        self._beat = 0
        self._owed = 0

    @property
    def takesNothing(self) -> int | None:
        """
        Since when it has taken nothing of what it was handed, in monotonic nanoseconds;
        L{None} if it has. Only time counts in which something waited for it, which may
        have been taken back since, and in which it showed life: who does not may be at
        work.
        """
        return self._lookedAt - self._owed if self._owed else None

    def glance(self, now: int, taken: int, queued: int, beat: int) -> bool:
        """
        To be called some 100 times a second while there is anything that it has not
        taken.

        @param now: Monotonic nanoseconds.
        @param taken: How many connections it has taken.
        @param queued: How many it has been handed and has not.
        @param beat: When it showed life last.
        @return: Whether it has stalled, or goes on.
        """
        before = self.isStalled
        if not before and queued and taken == self._seen:
            self.isStalled, self._stalledAt = True, beat
        elif before and (beat > self._stalledAt or taken != self._seen):
            self.isStalled = False
        self._seen = taken if queued or self.isStalled else -1
        self.look(now, taken, queued, beat)
        return self.isStalled != before

    def look(self, now: int, taken: int, queued: int, beat: int) -> None:
        """
        To be called also while there is nothing.
        """
        isOwed = taken == self._taken and (queued or self.isStalled)
        if taken != self._taken:
            self._taken, self._owed = taken, 0
        elif isOwed and beat > self._beat:
            self._owed += min(now - self._countedAt, LONGEST_GAP)
        if not isOwed or beat > self._beat:
            self._countedAt, self._beat = now, beat
        self._lookedAt = now

    def goesOn(self, taken: int) -> bool:
        """
        @return: Whether it had stalled, and has taken something since.
        """
        if not self.isStalled or taken == self._seen:
            return False
        self.isStalled = False
        return True
