"""
How many workers there are to be: a number, or as many of a range as the load needs.

Two marks far from each other, and haste in one direction only: it does not swing. It has
no clock, and does nothing itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median_low

from attrs import define, frozen

from twisted_cluster.core.words import several

# Half of the workers are late by so much (seconds), or each has so many connections that
# nobody has taken, or they use that much of their CPUs: then more are needed.
HIGH_LAG = 0.05
HIGH_QUEUE = 2.0
HIGH_CPU = 0.9
# With less than that of all three, where one less has to do it, fewer are enough.
LOW_LAG = 0.01
LOW_QUEUE = 0.5
LOW_CPU = 0.6
# What one worker has not taken counts as no more, which is not enough where there are
# two: it may hang, or lie.
MOST_QUEUE = 3
# To be looked at once a second: so many looks make up a mind.
RISE = 3
FALL = 60
# Who had to be started again soon after was ended too soon: then it takes twice as long.
LONGEST_FALL = 3600
# What one look of another kind takes away: nine of ten have to be calm.
UNREST = 10
# Workers that do not come up hold up nothing for longer, in seconds.
PATIENCE = 30.0

# Nanoseconds: a heart that beats has beaten within that.
BEAT = 100_000_000


@frozen
class Span:
    """
    How many workers there may be.
    """

    least: int
    most: int

    @property
    def isFixed(self) -> bool:
        """
        Whether there is nothing to choose.
        """
        return self.least == self.most

    def __str__(self) -> str:
        return str(self.least) if self.isFixed else f"{self.least}-{self.most}"


@frozen
class Load:
    """
    What there is to do just now.

    @ivar ready: How many workers serve.
    @ivar lag: By how much at least half of them are late, in seconds.
    @ivar waiting: How many connections no worker has taken yet.
    @ivar cpus: How many CPUs they use, together.
    """

    ready: int
    lag: float = 0.0
    waiting: int = 0
    cpus: float = 0.0

    @property
    def pressure(self) -> str:
        """
        What asks for more workers, in words; C{""} if nothing does.
        """
        if self.lag >= HIGH_LAG:
            return f"they are late by {self.lag * 1000:.0f} ms"
        if self.waiting >= HIGH_QUEUE * max(1, self.ready):
            return f"{several(self.waiting, 'connection')} are waiting"
        if self.ready and self.cpus >= HIGH_CPU * self.ready:
            return f"they use {100 * self.cpus / self.ready:.0f} % of their CPUs"
        return ""

    @property
    def isLow(self) -> bool:
        """
        Whether one less could do it.
        """
        return (
            self.lag < LOW_LAG
            and self.waiting < LOW_QUEUE * self.ready
            and self.cpus <= LOW_CPU * (self.ready - 1)
        )


def waitingFor(queued: Iterable[int]) -> int:
    """
    @param queued: For each worker, how many connections it has not taken.
    @return: How many count.
    """
    return sum(min(MOST_QUEUE, one) for one in queued)


def lateness(lags: Iterable[tuple[int, int]]) -> float:
    """
    @param lags: Of each worker, by how much it was late, and how long it has shown no
        life, in nanoseconds.
    @return: By how much at least half of them are late, in seconds.
    """
    late = [max(lag, silence - BEAT) for lag, silence in lags]
    return median_low(late) / 1e9 if late else 0.0


@frozen
class Change:
    """
    There are to be so many.

    @ivar why: For whoever wonders.
    """

    count: int
    why: str


@define(eq=False)
class Autoscale:
    """
    Decides, once a second.

    @ivar span: Between what.
    """

    span: Span
    _pressed: int = 0
    _calm: int = 0
    _fall: int = FALL
    _changed: float = 0.0
    _fell: float | None = None

    def look(self, now: float, load: Load, count: int) -> Change | None:
        """
        @param now: Monotonic seconds.
        @param count: How many there are to be as yet.
        @return: How many there are to be instead, if that changes.
        """
        if load.ready < count and now - self._changed < PATIENCE:
            # What is on its way shows what it is worth when it is there.
            return None
        pressure = load.pressure
        self._pressed = self._pressed + 1 if pressure else max(0, self._pressed - 1)
        self._calm = self._calm + 1 if load.isLow else max(0, self._calm - UNREST)
        if self._pressed >= RISE and count < self.span.most:
            return self._rise(now, count, pressure)
        if self._calm >= self._fall and count > self.span.least:
            return self._sink(now, count)
        return None

    def _rise(self, now: float, count: int, pressure: str) -> Change:
        if self._fell is not None:
            isRegretted = now - self._fell < 2 * self._fall
            self._fall = min(LONGEST_FALL, 2 * self._fall) if isRegretted else FALL
            self._fell = None
        more = max(1, count // 4)
        return self._change(now, min(self.span.most, count + more), pressure)

    def _sink(self, now: float, count: int) -> Change:
        self._fell = now
        return self._change(now, count - 1, "there is little to do")

    def _change(self, now: float, count: int, why: str) -> Change:
        self._changed, self._pressed, self._calm = now, 0, 0
        return Change(count, why)
