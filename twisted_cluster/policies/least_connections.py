"""
The one with least to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from attrs import define
from zope.interface import implementer

from twisted_cluster.events import ConnectionFacts
from twisted_cluster.interfaces import IKernelPolicy, IWorkerLoad
from twisted_cluster.policies.round_robin import fromNext
from twisted_cluster.steering import classic, extended
from twisted_cluster.steering.counting import leastLoaded
from twisted_cluster.steering.places import Place, indices, weighty


@implementer(IKernelPolicy)
@define
class LeastConnections:
    """
    The worker that would have the fewest connections for its weight, served and
    waiting; of equals, the one that comes next after the last one chosen. One of
    weight 0 is given none; if all are, connections wait.
    """

    readsLoads: ClassVar[bool] = True
    sharesByTurns: ClassVar[bool] = False
    _last: int = 0

    def choose(
        self, connection: ConnectionFacts, ready: Sequence[IWorkerLoad]
    ) -> IWorkerLoad | None:
        able = [one for one in fromNext(ready, self._last) if one.weight > 0]
        if not able:
            return None
        loads = [(one.load + 1) / one.weight for one in able]
        chosen = able[loads.index(min(loads))]
        self._last = chosen.number
        return chosen

    def classicProgram(self, places: Sequence[Place]) -> classic.Program | None:
        # It would have to know what they have to do.
        return None

    def extendedProgram(self) -> extended.Program | None:
        return leastLoaded()

    def lacks(self, kind: str) -> str:
        return ""

    def turns(self, places: Sequence[Place]) -> Sequence[int]:
        return indices(weighty(places))
