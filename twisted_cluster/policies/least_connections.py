"""
The one with least to do.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define
from zope.interface import implementer

from twisted_cluster.events import ConnectionFacts
from twisted_cluster.interfaces import ISchedulingPolicy, IWorkerLoad


@implementer(ISchedulingPolicy)
@define
class LeastConnections:
    """
    The worker that would have the fewest connections for its weight, served and
    waiting; of equals, the one that comes next after the last one chosen. One of
    weight 0 is given none; if all are, connections wait.
    """

    _last: int = 0

    def choose(
        self, connection: ConnectionFacts, ready: Sequence[IWorkerLoad]
    ) -> IWorkerLoad | None:
        chosen: IWorkerLoad | None = None
        least, last = 0.0, self._last
        for worker in ready:
            weight = worker.weight
            if weight <= 0:
                continue
            load = (worker.active + worker.queued + 1) / weight
            if (
                chosen is None
                or load < least
                or (load == least and chosen.number <= last < worker.number)
            ):
                chosen, least = worker, load
        if chosen is not None:
            self._last = chosen.number
        return chosen
