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
    The worker with the fewest connections, served and waiting; of equals, the one
    that comes next after the last one chosen.
    """

    _last: int = 0

    def choose(
        self, connection: ConnectionFacts, ready: Sequence[IWorkerLoad]
    ) -> IWorkerLoad:
        chosen = min(ready, key=self._cost)
        self._last = chosen.number
        return chosen

    def _cost(self, worker: IWorkerLoad) -> tuple[int, bool, int]:
        busy = worker.active + worker.queued
        return busy, worker.number <= self._last, worker.number
