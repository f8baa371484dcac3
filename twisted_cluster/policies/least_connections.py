"""
The one with least to do.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define
from zope.interface import implementer

from twisted_cluster.events import ConnectionFacts
from twisted_cluster.interfaces import ISchedulingPolicy, IWorkerLoad
from twisted_cluster.policies.round_robin import inTurn


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
        able = [one for one in inTurn(ready, self._last) if one.weight > 0]
        if not able:
            return None
        loads = [(one.load + 1) / one.weight for one in able]
        chosen = able[loads.index(min(loads))]
        self._last = chosen.number
        return chosen
