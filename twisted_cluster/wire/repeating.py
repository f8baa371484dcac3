"""
Calls that are repeated, whatever happens.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from twisted_cluster.core.complaints import Complaints

log = Logger()


class Guarded:
    """
    A function that may be called again and again. What it raises, whatever that is, is
    logged, at most once a minute.

    @ivar failures: How often it has failed.
    """

    def __init__(self, call: Callable[[], object], name: str) -> None:
        """
        @param name: What the log calls it.
        """
        self.failures = 0
        self._function = call
        self._name = name
        self._complaints = Complaints(time.monotonic_ns)

    def __call__(self) -> None:
        try:
            self._function()
        except BaseException:
            self.failures += 1
            if self._complaints.isDue():
                log.failure(
                    "{name} has failed ({count} times so far); it goes on",
                    name=self._name,
                    count=self.failures,
                )


class Repeating:
    """
    Calls a function again and again, as L{Guarded} does; a
    L{LoopingCall<twisted.internet.task.LoopingCall>} would end.
    """

    def __init__(
        self, clock: IReactorTime, call: Callable[[], object], every: float, name: str
    ) -> None:
        """
        @param every: Seconds from the beginning of one call to that of the next.
        @param name: What the log calls it.
        """
        self._clock = clock
        self._call = Guarded(call, name)
        self._every = every
        self._next: IDelayedCall | None = None

    @property
    def failures(self) -> int:
        """
        How often it has failed.
        """
        return self._call.failures

    @property
    def running(self) -> bool:
        """
        Whether it will be called again.
        """
        return self._next is not None

    def start(self) -> None:
        """
        Begin; the first call is not at once.
        """
        if self._next is None:
            self._next = self._clock.callLater(self._every, self._again)

    def stop(self) -> None:
        """
        End.
        """
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _again(self) -> None:
        # Before the call, which may stop it.
        self._next = self._clock.callLater(self._every, self._again)
        self._call()
