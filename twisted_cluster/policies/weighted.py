"""
Each in turn, some more often.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from attrs import Factory, define
from zope.interface import implementer

from twisted_cluster.events import ConnectionFacts
from twisted_cluster.interfaces import IKernelPolicy, IWorkerLoad
from twisted_cluster.steering import classic, extended
from twisted_cluster.steering.board import TURNS
from twisted_cluster.steering.choices import byWeight
from twisted_cluster.steering.counting import inTurn
from twisted_cluster.steering.places import Place, spread


@implementer(IKernelPolicy)
@define
class Weighted:
    """
    Smooth weighted round robin: of as many choices in a row as the weights sum up to,
    each worker is given as many as its weight, spread evenly. One of weight 0 is given
    none; if all are, connections wait.

    @see: nginx's C{ngx_http_upstream_get_round_robin_peer}.
    """

    readsLoads: ClassVar[bool] = False
    sharesByTurns: ClassVar[bool] = True
    _due: dict[int, int] = Factory(dict)
    _total: int = 0

    def choose(
        self, connection: ConnectionFacts, ready: Sequence[IWorkerLoad]
    ) -> IWorkerLoad | None:
        chosen, most, total = None, 0, 0
        due = self._due
        for worker in ready:
            weight = worker.weight
            if weight <= 0:
                continue
            number = worker.number
            total += weight
            due[number] = mine = due.get(number, 0) + weight
            if chosen is None or mine > most:
                chosen, most = worker, mine
        if chosen is not None:
            due[chosen.number] -= total
        if total != self._total or len(due) > 2 * len(ready):
            self._total = total
            self._settle(ready)
        return chosen

    def _settle(self, ready: Sequence[IWorkerLoad]) -> None:
        """
        Others share now: what was due among those before must not starve anyone, and
        who is gone is due nothing.
        """
        due, most = self._due, self._total
        self._due = {
            worker.number: max(-most, min(most, due.get(worker.number, 0)))
            for worker in ready
        }

    def classicProgram(self, places: Sequence[Place]) -> classic.Program | None:
        return byWeight(places)

    def extendedProgram(self) -> extended.Program | None:
        return inTurn()

    def lacks(self, kind: str) -> str:
        return "without CAP_BPF it weighs by chance" if kind == "classic" else ""

    def turns(self, places: Sequence[Place]) -> Sequence[int]:
        return spread(places, TURNS)
