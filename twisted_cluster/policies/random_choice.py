"""
One of them, by chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import ClassVar

from attrs import Factory, define
from zope.interface import implementer

from twisted_cluster.events import ConnectionFacts
from twisted_cluster.interfaces import IKernelPolicy, IWorkerLoad
from twisted_cluster.steering import classic, extended
from twisted_cluster.steering.choices import atRandom
from twisted_cluster.steering.counting import byChance
from twisted_cluster.steering.places import Place, indices


@implementer(IKernelPolicy)
@define
class RandomChoice:
    """
    Each with the same chance.

    @ivar seed: The same seed makes the same choices.
    """

    readsLoads: ClassVar[bool] = False
    sharesByTurns: ClassVar[bool] = True
    seed: int | None = None
    _random: Random = Factory(lambda self: Random(self.seed), takes_self=True)

    def choose(
        self, connection: ConnectionFacts, ready: Sequence[IWorkerLoad]
    ) -> IWorkerLoad:
        return ready[int(self._random.random() * len(ready))]

    def classicProgram(self, places: Sequence[Place]) -> classic.Program | None:
        return atRandom(places)

    def extendedProgram(self) -> extended.Program | None:
        return byChance()

    def lacks(self, kind: str) -> str:
        return "the kernel's chance has no seed" if self.seed is not None else ""

    def turns(self, places: Sequence[Place]) -> Sequence[int]:
        return indices(places)
