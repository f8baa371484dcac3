"""
The one whose event loop turns fastest.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define
from zope.interface import implementer

from twisted_cluster.events import ConnectionFacts
from twisted_cluster.interfaces import ISchedulingPolicy, IWorkerLoad


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
        lags = [worker.lag for worker in ready]
        enough = min(lags) + self.within
        chosen: IWorkerLoad | None = None
        least, last = (0, 0), self._last
        for worker, lag in zip(ready, lags):
            if lag > enough:
                continue
            busy = worker.queued, worker.active
            if (
                chosen is None
                or busy < least
                or (busy == least and chosen.number <= last < worker.number)
            ):
                chosen, least = worker, busy
        assert chosen is not None
        self._last = chosen.number
        return chosen
