"""
The one whose event loop turns fastest.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define
from zope.interface import implementer

from twisted_cluster.events import ConnectionFacts
from twisted_cluster.interfaces import ISchedulingPolicy, IWorkerLoad
from twisted_cluster.policies.round_robin import fromNext


@implementer(ISchedulingPolicy)
@define
class LeastLag:
    """
    The worker whose event loop is least late; of those about equal, the one that has
    left the fewest connections waiting, then the one that serves the fewest, then the
    one that comes next after the last one chosen.

    What waits comes before what is served, because it is the fresher news: a worker
    that is blocked can not say how late it is.

    @ivar within: Lags that differ by no more than this count as equal; in microseconds.
    """

    # What a loop that is well may be late by; less would be to choose by noise.
    within: float = 2000.0
    _last: int = 0

    def choose(
        self, connection: ConnectionFacts, ready: Sequence[IWorkerLoad]
    ) -> IWorkerLoad:
        turn = fromNext(ready, self._last)
        lags = [one.lag for one in turn]
        enough = min(lags) + self.within
        able = turn
        if max(lags) > enough:
            able = [one for one, lag in zip(turn, lags) if lag <= enough]
        loads = [one.load for one in able]
        chosen = able[loads.index(min(loads))]
        if chosen.queued:
            # Else nobody has left fewer waiting, and serves fewer.
            ranks = list(zip([one.queued for one in able], loads))
            chosen = able[ranks.index(min(ranks))]
        self._last = chosen.number
        return chosen
