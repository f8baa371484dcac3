"""
What came of a simulation: who served how much, and how long it took.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from statistics import fmean, pstdev

from attrs import frozen

from twisted_cluster.testing.timeline import Timeline


@frozen
class Outcome:
    """
    @ivar name: The policy's.
    @ivar counts: How many connections each worker has served, by number.
    @ivar weights: The workers'.
    @ivar latencies: From the arrival of each connection until it was served, in
        seconds, ascending.
    @ivar meanQueue: How many were waiting to be served, on average over time.
    @ivar maxQueue: How many at most.
    @ivar unserved: How many were left to wait for ever.
    """

    name: str
    counts: Sequence[int]
    weights: Sequence[int]
    latencies: Sequence[float]
    meanQueue: float
    maxQueue: int
    unserved: int

    @property
    def shares(self) -> list[float]:
        """
        What each worker has served of all, 0 to 1.
        """
        total = sum(self.counts) or 1
        return [count / total for count in self.counts]

    @property
    def variation(self) -> float:
        """
        The coefficient of variation of what workers served per unit of weight: 0 if
        the balance is perfect.
        """
        each = [c / w for c, w in zip(self.counts, self.weights) if w]
        mean = fmean(each) if each else 0
        return pstdev(each) / mean if mean else 0.0

    @property
    def mean(self) -> float:
        return fmean(self.latencies) if self.latencies else 0.0

    def percentile(self, percent: float) -> float:
        """
        @param percent: 0 to 100.
        @return: What so many of the connections did not take longer than, in seconds.
        """
        if not self.latencies:
            return 0.0
        place = ceil(percent / 100 * len(self.latencies))
        return self.latencies[max(0, place - 1)]


class Course:
    """
    Counts while time passes.

    @ivar left: How many have come and have not been served.
    @ivar last: When last something happened.
    """

    def __init__(self, timeline: Timeline, workers: int) -> None:
        self.left = 0
        self.last = 0.0
        self._timeline = timeline
        self._counts = [0] * workers
        self._latencies: list[float] = []
        self._queue = self._maxQueue = 0
        self._area = self._counted = 0.0

    def arrived(self) -> None:
        """
        Somebody has come.
        """
        self.left += 1
        self._count(1)

    def begun(self) -> None:
        """
        A worker has begun to serve somebody.
        """
        self._count(-1)

    def served(self, number: int, latency: float) -> None:
        """
        A worker has served somebody.
        """
        self.left -= 1
        self.last = self._timeline.now
        self._counts[number - 1] += 1
        self._latencies.append(latency)

    def _count(self, more: int) -> None:
        self.last = now = self._timeline.now
        self._area += self._queue * (now - self._counted)
        self._counted = now
        self._queue += more
        self._maxQueue = max(self._maxQueue, self._queue)

    def outcome(self, name: str, weights: Sequence[int]) -> Outcome:
        """
        The sum of it.
        """
        return Outcome(
            name,
            self._counts,
            weights,
            sorted(self._latencies),
            self._area / self.last if self.last else 0.0,
            self._maxQueue,
            self.left,
        )
