"""
What this process was started with, apart from its arguments and its environment.
"""

from __future__ import annotations

import signal
from collections.abc import Sequence
from functools import cache

from attrs import frozen

from twisted_cluster.wire.limit import currentLimit

# Python ignores them, whoever starts it.
PYTHONS = {getattr(signal, name, None) for name in ("SIGPIPE", "SIGXFZ", "SIGXFSZ")}


@frozen
class Surroundings:
    """
    @ivar ignored: The signals that are ignored, by number.
    @ivar blocked: The signals that are blocked, by number.
    @ivar nofile: How many descriptors there may be.
    """

    ignored: Sequence[int] = ()
    blocked: Sequence[int] = ()
    nofile: int = 0

    @classmethod
    def now(cls) -> Surroundings:
        """
        As it is now.
        """
        return cls(
            [
                int(number)
                for number in sorted(signal.valid_signals())
                if number not in PYTHONS and signal.getsignal(number) == signal.SIG_IGN
            ],
            sorted(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, ()))),
            currentLimit(),
        )


@cache
def atStart() -> Surroundings:
    """
    As it was before the cluster changed any of it: when this was first called.
    """
    return Surroundings.now()
