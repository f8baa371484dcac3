"""
Not looking for a moment, so that the next look finds more.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from twisted_cluster.reactors import IPollingReactor
from twisted_cluster.wire.meanwhile import Meanwhile
from twisted_cluster.wire.reader import Reader
from twisted_cluster.wire.timerfd import TimerFD

# So often in a row they are woken before the reactor turns, if nothing else has come: by
# so many naps what others have it call later may be late.
MOST_NAPS = 8


class Nap:
    """
    Wakes those who sleep for some microseconds. It holds nothing up: the reactor turns
    meanwhile. Who joins others that sleep already is woken with them.

    @ivar isPossible: Whether the system has a clock that is as fine: what a reactor calls
        later is often late by a millisecond.
    """

    def __init__(self, reactor: IPollingReactor) -> None:
        self._reactor = reactor
        self._timer: TimerFD | None = None
        # In the order in which they have come.
        self._asleep: dict[Callable[[], object], None] = {}
        self._isUsed = False
        self.isPossible = _areThereTimers()
        self._isNothing = Meanwhile(reactor).isNothing
        self._length = 0
        self._isWaking = False
        self._reader = Reader(reactor, self._fileno, self._wakeAgain, "the timer of naps")

    def _fileno(self) -> int:
        return -1 if self._timer is None else self._timer.fileno()

    def sleep(self, wake: Callable[[], object], nanoseconds: int) -> None:
        """
        @param wake: Called when it is over; it raises nothing.
        @param nanoseconds: The longest that it may be, unless others sleep already.
        """
        if not self._asleep:
            self._length = nanoseconds
            if not (self._isWaking or self._set(nanoseconds)):
                self._reactor.callLater(0, wake)
                return
        self._asleep[wake] = None
        self._isUsed = True

    def _set(self, nanoseconds: int) -> bool:
        """
        Have them woken by the reactor.

        @return: Whether there is a timer; no descriptor may be free for one.
        """
        try:
            self._timer = self._timer or TimerFD()
        except OSError:
            return False
        # Which begins anew: that it can be read since the last time is forgotten.
        self._timer.set(nanoseconds / 1e9)
        self._reader.start()
        return True

    def look(self) -> None:
        """
        Hold no timer that nobody has needed since this was called last; to be called some
        20 times a second.
        """
        if not self._isUsed:
            self.close()
        self._isUsed = False

    def close(self) -> None:
        """
        Wake all, and let go of the timer until somebody sleeps again.
        """
        self._wakeAll()
        if self._timer is not None and not self._asleep:
            self._timer.close()
            self._timer = None

    def leave(self, wake: Callable[[], object]) -> None:
        """
        Somebody is not to be woken.
        """
        self._asleep.pop(wake, None)
        if not self._asleep:
            self._reader.stop()

    def _wakeAll(self) -> None:
        asleep, self._asleep = self._asleep, {}
        for wake in asleep:
            wake()
        if not self._asleep:
            self._reader.stop()

    def _wakeAgain(self) -> None:
        """
        Wake them, and those who sleep on when that is over, while the reactor has nothing
        else to do: a turn of its loop costs more than a nap.
        """
        self._isWaking = True
        if self._timer is not None:
            # Else that it can be read is something to do.
            self._timer.clear()
        try:
            for more in reversed(range(MOST_NAPS)):
                self._wakeAll()
                begun = time.monotonic_ns()
                if not (more and self._asleep and self._isNothing(self._length)):
                    break
        finally:
            self._isWaking = False
        if self._asleep:
            left = self._length - (time.monotonic_ns() - begun)
            if not self._set(left):
                self._reactor.callLater(0, self._wakeAll)


def _areThereTimers() -> bool:
    try:
        TimerFD().close()
    except OSError:
        return False
    return True
