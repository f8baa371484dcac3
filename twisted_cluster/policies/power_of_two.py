"""
The better of any two.
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
from twisted_cluster.steering.counting import betterOfTwo
from twisted_cluster.steering.places import Place, indices


@implementer(IKernelPolicy)
@define
class PowerOfTwo:
    """
    Of two workers taken at random, the one with fewer connections, served and waiting:
    nearly as even as asking all, and it costs the same however many there are.

    @ivar seed: The same seed makes the same choices.
    @see: Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", 2001.
    """

    readsLoads: ClassVar[bool] = True
    sharesByTurns: ClassVar[bool] = False
    seed: int | None = None
    _random: Random = Factory(lambda self: Random(self.seed), takes_self=True)

    def choose(
        self, connection: ConnectionFacts, ready: Sequence[IWorkerLoad]
    ) -> IWorkerLoad:
        count = len(ready)
        if count == 1:
            return ready[0]
        first = int(self._random.random() * count)
        second = int(self._random.random() * (count - 1))
        one, two = ready[first], ready[second + (second >= first)]
        return two if two.load < one.load else one

    def classicProgram(self, places: Sequence[Place]) -> classic.Program | None:
        return None

    def extendedProgram(self) -> extended.Program | None:
        return betterOfTwo()

    def lacks(self, kind: str) -> str:
        return "the kernel's chance has no seed" if self.seed is not None else ""

    def turns(self, places: Sequence[Place]) -> Sequence[int]:
        return indices(places)
