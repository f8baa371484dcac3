"""
How much of this process's time it takes to log what one worker says.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from twisted_cluster.core.allowance import Allowance

# Of the processor, in the long run, and at once: some hundred lines. A worker that also
# serves says less; one that only logs is to leave this process idle for the others.
SHARE = 0.25
AT_ONCE = 0.02


class Share:
    """
    Tells for how long to rest.
    """

    def __init__(self) -> None:
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
        return self._allowance.spend(now, time.thread_time() - begun)
