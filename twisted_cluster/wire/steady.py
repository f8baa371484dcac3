"""
Timers that the wall clock is nothing to.

Twisted's reactors time what is called later by the wall clock: set it back by an hour,
and all of it comes an hour late.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, cast

from twisted.internet.base import DelayedCall, ReactorBase
from twisted.internet.interfaces import IDelayedCall, IReadDescriptor
from twisted.logger import Logger
from zope.interface import implementer

from twisted_cluster.reactors import IClusterReactor
from twisted_cluster.wire.timerfd import TimerFD

log = Logger()


@implementer(IReadDescriptor)
class SteadyReactor:
    """
    A reactor, but for its timers: these count monotonic seconds.
    """

    def __init__(self, reactor: IClusterReactor, timer: TimerFD) -> None:
        """
        @param timer: Kept open: when something is to be called no descriptor may be free.
        """
        self._reactor = reactor
        self._timer = timer
        self._calls: list[DelayedCall] = []
        self._isRead = False
        self._isCalling = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def seconds(self) -> float:
        """
        @see: L{twisted.internet.interfaces.IReactorTime}
        """
        return time.monotonic()

    def callLater(
        self, delay: float, callable: Callable[..., Any], *args: object, **kw: object
    ) -> IDelayedCall:
        """
        @see: L{twisted.internet.interfaces.IReactorTime}
        """
        if not self._isRead:
            self._reactor.addReader(self)
            self._isRead = True
        at = time.monotonic() + delay
        call = DelayedCall(
            at, callable, args, kw, self._forget, self._arrange, time.monotonic
        )
        self._calls.append(call)
        self._arrange(call)
        return call

    def getDelayedCalls(self) -> Sequence[IDelayedCall]:
        """
        @see: L{twisted.internet.interfaces.IReactorTime}
        """
        return [*self._calls, *self._reactor.getDelayedCalls()]

    def _arrange(self, call: DelayedCall) -> None:
        """
        A call is new, or has another time.
        """
        if self._isCalling:
            # The timer is set once, at the end.
            return
        self._sort()
        if self._calls[0] is call:
            self._setTimer()

    def _sort(self) -> None:
        # A call that is put off does not say so.
        self._calls.sort(key=DelayedCall.getTime)

    def _forget(self, call: DelayedCall) -> None:
        self._calls.remove(call)
        if not self._calls:
            self._stop()

    def _setTimer(self) -> None:
        self._sort()
        self._timer.set(self._calls[0].getTime() - time.monotonic())

    def fileno(self) -> int:
        """
        The timer's descriptor.
        """
        return self._timer.fileno()

    def doRead(self) -> None:
        """
        The reactor says that it is time.
        """
        self._timer.clear()
        self._sort()
        self._isCalling = True
        try:
            self._callWhatIsDue(time.monotonic())
        finally:
            self._isCalling = False
        if self._calls:
            self._setTimer()
        else:
            self._stop()

    def _callWhatIsDue(self, now: float) -> None:
        while self._calls and self._calls[0].getTime() <= now:
            call = self._calls.pop(0)
            call.called = 1
            try:
                call.func(*call.args, **call.kw)
            except BaseException:
                log.failure("what was to be called later has failed")

    def connectionLost(self, reason: object) -> None:
        """
        The reactor shuts down.
        """
        self._stop()

    def _stop(self) -> None:
        if self._isRead:
            self._isRead = False
            self._reactor.removeReader(self)

    def logPrefix(self) -> str:
        """
        What the log calls it.
        """
        return "cluster"


def steady(reactor: IClusterReactor) -> IClusterReactor:
    """
    @return: The reactor, with timers that count monotonic seconds: itself, if it has
        them already, is a double of a test, or the system can do no better.
    """
    isStock = isinstance(reactor, ReactorBase)
    if not isStock or abs(reactor.seconds() - time.time()) > 1.0:
        return reactor
    try:
        timer = TimerFD()
    except OSError as error:
        log.warn("timers follow the wall clock: {error}", error=error)
        return reactor
    return cast(IClusterReactor, SteadyReactor(reactor, timer))
