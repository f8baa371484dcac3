"""
Each in turn.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from operator import attrgetter
from typing import ClassVar

from attrs import define
from zope.interface import implementer

from twisted_cluster.events import ConnectionFacts
from twisted_cluster.interfaces import IKernelPolicy, IWorkerLoad
from twisted_cluster.steering import classic, extended
from twisted_cluster.steering.counting import inTurn
from twisted_cluster.steering.places import Place, indices

byNumber = attrgetter("number")


def fromNext(ready: Sequence[IWorkerLoad], last: int) -> Sequence[IWorkerLoad]:
    """
    @param ready: By ascending number.
    @param last: The number of the one that was chosen last.
    @return: The same, in the order in which they are next.
    """
    first = bisect_right(ready, last, key=byNumber)
    return (*ready[first:], *ready[:first])


@implementer(IKernelPolicy)
@define
class RoundRobin:
    """
    Serve in order of worker number, resuming after the last one chosen.
    """

    readsLoads: ClassVar[bool] = False
    sharesByTurns: ClassVar[bool] = True
    _last: int = 0

    def choose(
        self, connection: ConnectionFacts, ready: Sequence[IWorkerLoad]
    ) -> IWorkerLoad:
        chosen = ready[bisect_right(ready, self._last, key=byNumber) % len(ready)]
        self._last = chosen.number
        return chosen

    def classicProgram(self, places: Sequence[Place]) -> classic.Program | None:
        # To take turns it has to count.
        return None

    def extendedProgram(self) -> extended.Program | None:
        return inTurn()

    def lacks(self, kind: str) -> str:
        return ""

    def turns(self, places: Sequence[Place]) -> Sequence[int]:
        return indices(places)
