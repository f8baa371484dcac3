"""
How seldom a port need be looked at, whoever comes there.
"""

from __future__ import annotations

from collections import Counter
from heapq import heapify, heappop, heappush
from random import Random

import pytest

from twisted_cluster.core.napping import BUSY, NAPS, SPELL, Comparison, Napping

LONGEST = NAPS[-1]
CPUS = 2
# What a turn takes, and each connection in it, in the primary.
TURN, EACH = 12_000, 5_000
SECOND = 1_000_000_000


class ClosedLoop:
    """
    Clients, each of whom comes again as soon as it is served; they, their workers and the
    primary have two CPUs.

    @ivar done: How many connections were served.
    @ivar naps: How many came after naps of each length.
    """

    def __init__(self, clients: int, work: int) -> None:
        """
        @param work: What a connection takes, in nanoseconds.
        """
        self.done = 0
        self.naps: Counter[int] = Counter()
        self._waiting, self._work = clients, work
        self._random = Random(1)
        self._free = [0.0] * CPUS
        heapify(self._free)
        self._returns: list[float] = []

    def run(self, napping: Napping | None, seconds: float) -> float:
        """
        @param napping: L{None}: always look.
        @return: Connections per second.
        """
        now, nap = 0.0, 0
        while now < seconds * SECOND:
            while self._returns and self._returns[0] <= now:
                heappop(self._returns)
                self._waiting += 1
            if not self._waiting:
                now = self._returns[0]
                continue
            found = min(32, self._waiting)
            now = self._take(now, found)
            self.naps[nap] += found
            nap = napping.turn(int(now), found) if napping else 0
            now += nap
        return self.done / seconds

    def _take(self, now: float, found: int) -> float:
        now = self._spend(now, TURN + EACH * found)
        for _ in range(found):
            work = self._work * self._random.uniform(0.7, 1.3)
            heappush(self._returns, self._spend(now, work))
        self._waiting -= found
        self.done += found
        return now

    def _spend(self, now: float, time: float) -> float:
        end = max(now, heappop(self._free)) + time
        heappush(self._free, end)
        return end


@pytest.mark.parametrize("work", [50_000, 100_000])
@pytest.mark.parametrize("clients", [8, 16, 64])
def test_fewClientsLoseNothing(clients: int, work: int) -> None:
    """
    Each comes again as soon as it is served: the longest nap costs eight a third of what
    they had; it is found out which does not, and many have the longest.
    """
    always = ClosedLoop(clients, work).run(None, 2.0)
    loop = ClosedLoop(clients, work)
    assert loop.run(Napping(), 2.0) > 0.95 * always
    if clients == 64:
        assert loop.naps[LONGEST] > 0.6 * loop.done


@pytest.mark.parametrize("seed", range(4))
def test_whoComeByThemselvesAreWaitedFor(seed: int) -> None:
    """
    Whatever is done with others: nothing is lost by waiting for more.
    """
    random, napping = Random(seed), Napping()
    now = next_ = 0.0
    naps: Counter[int] = Counter()
    nap = 0
    while now < 4 * SECOND:
        found = 0
        while next_ <= now:
            found += 1
            next_ += random.expovariate(20_000) * SECOND
        naps[nap] += found
        nap = napping.turn(int(now), found) if found or nap else 0
        now = now + nap if nap else max(next_, now + TURN)
    assert naps[NAPS[-2]] + naps[LONGEST] > 0.6 * sum(naps.values())


def test_whoComesAloneIsNeverWaitedFor() -> None:
    """
    However many have come before, and one after the other as fast as one can.
    """
    napping = Napping()
    for turn in range(10 * SPELL):
        assert napping.turn(turn * 50_000, 1) == 0
    for turn in range(1000):
        assert napping.turn(2 * SECOND + turn * BUSY, 20) == 0


def test_aCrowdThatHasGoneIsNotWaitedFor() -> None:
    """
    Two naps that find nobody are the last.
    """
    napping, now = Napping(), 0
    while not napping.turn(now, 8):
        now += 100_000
        assert now < SECOND
    for _ in range(10):
        now += LONGEST
        assert napping.turn(now, 6)
    naps = [napping.turn(now + turn * LONGEST, 0) for turn in range(1, 5)]
    assert naps[1:] == [0, 0, 0]


def test_whereThereAreNoTimersNobodySleeps() -> None:
    """
    However many come.
    """
    napping = Napping(False)
    assert not any(napping.turn(turn * LONGEST, 20) for turn in range(100))


def test_noiseIsNoDifference() -> None:
    """
    A longer nap is taken where it makes none, a shorter one only where it gains.
    """
    random = Random(1)
    for isLonger, ratio, isBetter in [
        (True, 1.0, True),
        (True, 0.9, False),
        (False, 1.0, False),
        (False, 1.1, True),
    ]:
        comparison = Comparison(1, isLonger)
        said = None
        while said is None:
            said = comparison.add(1000, int(1000 / random.gauss(ratio, 0.05)))
        assert said is isBetter
