"""
What a socket has to do, as far as an extended program should know.

The program counts whom it chooses. Not each of these becomes a connection: a SYN may be
forged, or sent again, or its client gives up; the kernel may drop it; and under attack
connections come that the program was never asked for. So its count alone would drift.
What is true is what the worker has accepted, and how many wait to be: what was chosen and
has not arrived there is on its way for a second at most, and then never comes.
"""

from __future__ import annotations

from collections import deque

from attrs import Factory, define, frozen

# In seconds: a client's SYN, our answer, and its answer; an answer that was lost is sent
# again after a second.
ON_ITS_WAY = 1.5


@frozen
class Seen:
    """
    What there is to be seen of a socket, in this order: so what moves on meanwhile is
    never seen twice.

    @ivar active: Connections that its worker serves.
    @ivar accepted: How many were accepted from it, ever, by whomever.
    @ivar waiting: How many wait to be.
    @ivar chosen: How often the program has chosen it.
    """

    active: int
    accepted: int
    waiting: int
    chosen: int


@define
class Reckoning:
    """
    What one socket has to do.

    @ivar lost: Of those chosen, who never came; less those who came unchosen.
    """

    lost: int = 0
    _before: deque[tuple[float, int]] = Factory(deque)
    # How often it had been chosen, by the last time of which those are all resolved.
    _settled: int = 0

    def load(self, seen: Seen, now: float) -> int:
        """
        @param now: In seconds; never goes back.
        @return: Connections served, waiting, and on their way; 0 or more.
        """
        return seen.active + seen.waiting + self._onTheirWay(seen, now)

    def _onTheirWay(self, seen: Seen, now: float) -> int:
        while self._before and self._before[0][0] <= now - ON_ITS_WAY:
            self._settled = self._before.popleft()[1]
        self._before.append((now, seen.chosen))
        missing = seen.chosen - seen.accepted - seen.waiting - self.lost
        onTheirWay = max(0, min(missing, seen.chosen - self._settled))
        self.lost += missing - onTheirWay
        return onTheirWay
