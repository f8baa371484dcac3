"""
Which worker has served for long enough, and makes way for a new one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from attrs import Factory, define, frozen

from twisted_cluster.core.words import duration, several

# Limits are lower by up to this share, another for each worker: those which were started
# at once do not reach them at once.
JITTER = 0.1
# Who has too much memory from the first moment on is not replaced again and again without
# having served.
LEAST_AGE = 10.0
MEGABYTE = 1 << 20


@frozen
class Wear:
    """
    What a worker has behind it.

    @ivar age: In seconds.
    @ivar served: How many connections.
    @ivar rss: Its resident memory, in bytes.
    """

    id: int
    age: float
    served: int
    rss: int


@frozen
class Worn:
    """
    A worker that is to be replaced.

    @ivar why: For whoever wonders.
    @ivar over: How far it is beyond what was to be its end: 1 is just there.
    """

    id: int
    why: str
    over: float


@define(eq=False)
class Recycling:
    """
    The limits, and each worker's own.

    @ivar maxAge: In seconds; 0 is none, as in the others.
    @ivar maxServed: Connections.
    @ivar maxRss: Bytes.
    """

    maxAge: float
    maxServed: int
    maxRss: int
    _chance: Callable[[], float]
    _shares: dict[int, tuple[float, float, float]] = Factory(dict)

    @property
    def isAsked(self) -> bool:
        """
        Whether there is any limit.
        """
        return bool(self.maxAge or self.maxServed or self.maxRss)

    def look(self, workers: Iterable[Wear]) -> Worn | None:
        """
        @param workers: All that serve.
        @return: Who is beyond its limit by most.
        """
        there = list(workers)
        self._shares = {one.id: self._sharesOf(one.id) for one in there}
        worn = [each for one in there for each in self._worn(one)]
        return max(worn, key=lambda each: each.over, default=None)

    def _sharesOf(self, id: int) -> tuple[float, float, float]:
        known = self._shares.get(id)
        return known or (self._share(), self._share(), self._share())

    def _share(self) -> float:
        return 1 - JITTER * self._chance()

    def _worn(self, one: Wear) -> Iterator[Worn]:
        age, served, rss = self._shares[one.id]
        facts = (
            (one.age, self.maxAge * age, f"it is {duration(one.age)} old"),
            (
                one.served,
                self.maxServed * served,
                f"it has served {several(one.served, 'connection')}",
            ),
            (
                one.rss if one.age >= LEAST_AGE else 0,
                self.maxRss * rss,
                f"it has {one.rss / MEGABYTE:.0f} MB of memory",
            ),
        )
        for value, limit, why in facts:
            if limit and value >= limit:
                yield Worn(one.id, why, value / limit)
