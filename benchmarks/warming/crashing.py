"""
Workers that are killed once a second, while clients come.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from clients import Crowd, paced, percentile, undisturbed

from warming.watched import Watched

RATE = 200.0
LONG = 0.1
BETWEEN = 1.0
# Seconds that workers have been ready before the first is killed: who has been so for
# less than one has failed, to us, and its successor waits.
SETTLING = 1.2


@dataclass
class Crashes:
    """
    What clients saw.

    @ivar latencies: Of those that had an answer, seconds.
    @ivar lost: How many had none: they were in the killed hands.
    """

    kills: int
    latencies: list[float]
    lost: int

    @property
    def long(self) -> int:
        """
        How many waited for more than L{LONG}.
        """
        return sum(latency > LONG for latency in self.latencies)

    @property
    def p99(self) -> float:
        """
        What 99 of a hundred do not exceed.
        """
        return percentile(self.latencies, 99)

    @property
    def worst(self) -> float:
        """
        The longest.
        """
        return max(self.latencies, default=0.0)


def crashes(server: Watched, seconds: float, seed: int) -> Crashes:
    """
    Let clients come, and kill the oldest worker each second.
    """
    crowd = Crowd(server.port, seed)
    due = time.monotonic() + SETTLING
    kills = 0

    def look(now: float) -> None:
        nonlocal due, kills
        server.read(0)
        if now >= due and server.living():
            server.kill()
            kills, due = kills + 1, due + BETWEEN

    with undisturbed():
        paced(crowd, SETTLING + seconds, RATE, seed, meanwhile=look)
        crowd.finish()
    answered = [visit.latency for visit in crowd.visits if visit.worker]
    return Crashes(kills, answered, len(crowd.visits) - len(answered))
