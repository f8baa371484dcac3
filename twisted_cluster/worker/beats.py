"""
Timers that the wall clock is nothing to: Twisted's would come an hour late if it were
set back by an hour.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from typing import Any

from twisted.internet.base import DelayedCall
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from twisted_cluster.reactors import IClusterReactor

log = Logger()


class BeatReactor:
    """
    A reactor, but for its timers: these count monotonic seconds, and come with the
    worker's beats.
    """

    def __init__(self, reactor: IClusterReactor, beatBy: Callable[[int], object]) -> None:
        """
        @param beatBy: Told by when L{beat} is to be called, in monotonic nanoseconds; it
            may be called at any other time as well.
        """
        self._reactor = reactor
        self._beatBy = beatBy
        self._calls: list[tuple[float, int, DelayedCall]] = []
        self._numbers = count()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def seconds(self) -> float:
        """
        @see: L{twisted.internet.interfaces.IReactorTime}
        """
        return time.monotonic()

    def callLater(
        self, delay: float, callee: Callable[..., object], *given: object, **named: object
    ) -> IDelayedCall:
        """
        @see: L{twisted.internet.interfaces.IReactorTime}
        """
        call = DelayedCall(
            self.seconds() + delay,
            callee,
            given,
            named,
            self._forget,
            self._push,
            self.seconds,
        )
        self._push(call)
        return call

    def beat(self) -> None:
        """
        Call what is due. What it raises, whatever that is, is logged.
        """
        # What is called may call itself later, but not in this turn again.
        now = self.seconds()
        while self._calls and self._calls[0][0] <= now:
            _, _, call = heappop(self._calls)
            if not call.active():
                continue
            if call.getTime() > now:
                # It was put off meanwhile.
                self._push(call)
                continue
            call.called = True
            try:
                call.func(*call.args, **call.kw)
            except BaseException:
                log.failure("what was to be called later has failed")
        self._sayNext()

    def _push(self, call: DelayedCall) -> None:
        heappush(self._calls, (call.getTime(), next(self._numbers), call))
        self._sayNext()

    def _sayNext(self) -> None:
        if self._calls:
            self._beatBy(int(self._calls[0][0] * 1e9))

    def _forget(self, call: DelayedCall) -> None:
        """
        It is cancelled: it is not active when its time comes.
        """
