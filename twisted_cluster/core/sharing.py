"""
A share of the connections for some of the workers, whatever policy chooses among them.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Generic

from attrs import define

from twisted_cluster.core.decision import Asked
from twisted_cluster.core.member import M
from twisted_cluster.events import ConnectionFacts

# So many connections may be owed to who cannot take them just now.
MOST_OWED = 32.0
ALL_KEYS = 1 << 64


@define(eq=False)
class Sharing(Generic[M]):
    """
    Offers each connection either to workers of one generation, or to all others: exactly
    so many of all, evenly spread; of a loyal policy's clients, always the same. If one
    of the two has nobody for it, the other has.

    @ivar generation: Which.
    @ivar part: What share it is to have, 0.0 to 1.0.
    """

    generation: int
    part: float
    _ours: Asked[M]
    _others: Asked[M]
    _keyOf: Callable[[ConnectionFacts], int | None] | None = None
    _owed: float = 0.0

    def choose(self, connection: ConnectionFacts, ready: Sequence[M]) -> M | None:
        """
        @see: L{Asked.choose}
        """
        ours = tuple(one for one in ready if one.generation == self.generation)
        if len(ours) == len(ready):
            return self._ours.choose(connection, ready)
        owed = min(MOST_OWED, self._owed + self.part)
        chosen = None
        isOurs = self._isOurs(connection, owed)
        if ours and isOurs:
            chosen = self._ours.choose(connection, ours)
        if chosen is None:
            others = tuple(one for one in ready if one.generation != self.generation)
            chosen = self._others.choose(connection, others)
        if chosen is not None:
            self._owed = owed - (chosen.generation == self.generation)
        return chosen

    def lineOf(self, connection: ConnectionFacts) -> Hashable:
        """
        @see: L{Asked.lineOf}
        """
        return self._others.lineOf(connection)

    def _isOurs(self, connection: ConnectionFacts, owed: float) -> bool:
        key = None if self._keyOf is None else self._keyOf(connection)
        # What is added up in binary is not quite what it is in decimals.
        return owed > 1 - 1e-9 if key is None else key < self.part * ALL_KEYS
