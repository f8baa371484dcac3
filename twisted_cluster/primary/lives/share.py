"""
How much of this process's time it takes to log what workers say.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from twisted_cluster.core.allowance import Allowance

# Of the processor, in the long run, and at once: some hundred lines. A worker that also
# serves says less; one that only logs is to leave this process idle for the others.
SHARE = 0.25
AT_ONCE = 0.02
# Of all together: so that those who log without end leave this process to those who
# come, also where they leave it few CPUs; it is some 9,000 lines a second.
ALL = 0.35
ALL_AT_ONCE = 0.1
# For so many seconds who had to rest with the others counts as one of them.
RECENT = 1.0
# What it takes to come to one worker's wire, and to leave it: a worker that says little
# at a time, again and again, takes no less.
WAY = 0.00003


class Together:
    """
    Has all rest when they take too much together, in the same measure.
    """

    def __init__(self) -> None:
        self._allowance = Allowance(ALL, ALL_AT_ONCE)
        self._since: dict[Share, float] = {}

    def spend(self, now: float, share: Share, seconds: float) -> float:
        """
        @param share: Has taken so many seconds.
        @return: How long it is to rest.
        """
        if not self._allowance.spend(now, seconds):
            return 0.0
        self._since[share] = now
        old = [each for each, since in self._since.items() if now - since > RECENT]
        for each in old:
            del self._since[each]
        return seconds * len(self._since) / ALL


together = Together()


class Share:
    """
    Tells for how long to rest.
    """

    def __init__(self, together: Together = together) -> None:
        self._together = together
        self._allowance = Allowance(SHARE, AT_ONCE)

    def restAfter(self, work: Callable[[], object]) -> float:
        """
        Do some work.

        @return: For how many seconds no more of it is to be done; often 0.
        """
        # Not what others take meanwhile: where they take much, a worker is to be heard
        # the less slowly.
        begun, now = time.thread_time(), time.monotonic()
        work()
        seconds = time.thread_time() - begun + WAY
        rest = self._allowance.spend(now, seconds)
        return max(rest, self._together.spend(now, self, seconds))
