"""
How long a worker may take to end.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

# A worker ends by itself when its drain, or its stop, has taken too long; this is for
# what it does then.
FOR_ITS_STOP = 2.0
# Its clock may have begun earlier than ours: it may have told us of its end late.
EARLIER = 0.5


class Patience:
    """
    Begins once, and runs out once, if the worker has not ended by then.

    @ivar seconds: From its beginning until it runs out.
    """

    def __init__(
        self,
        clock: IReactorTime,
        drainTimeout: float,
        stopTimeout: float,
        runOut: Callable[[], object],
    ) -> None:
        """
        @param drainTimeout: Seconds to serve what it has.
        @param stopTimeout: And as many for its application, once that is to stop.
        """
        self.seconds = drainTimeout + FOR_ITS_STOP
        self._clock = clock
        self._drainTimeout = drainTimeout
        self._stopTimeout = stopTimeout
        self._runOut = runOut
        self._since: float | None = None
        self._call: IDelayedCall | None = None

    @property
    def drainLeft(self) -> float:
        """
        How many seconds it may still take to serve what it has.
        """
        if self._since is None:
            return self._drainTimeout
        return self._drainTimeout - (self._clock.seconds() - self._since)

    @property
    def left(self) -> float:
        """
        How many seconds it may still take to end.
        """
        if self._call is None or not self._call.active():
            return self.seconds
        return self._call.getTime() - self._clock.seconds()

    @property
    def isDrainOver(self) -> bool:
        """
        Whether it has had all the time that it may take to serve what it has.
        """
        return self._since is not None and self.drainLeft <= EARLIER

    def begin(self) -> None:
        """
        It is to end. Told again, nothing happens.
        """
        if self._call is None:
            self._since = self._clock.seconds()
            self._call = self._clock.callLater(self.seconds, self._runOut)

    def extend(self) -> None:
        """
        It has closed its channel, as it does when it has served everybody, or the time
        for that is over: its application stops, for which it has a time of its own. Who
        never comes so far does not get it.
        """
        if self._call is None or not self._call.active() or self._stopTimeout == 0:
            return
        more, self._stopTimeout = self._stopTimeout, 0.0
        left = max(0.0, self.drainLeft) + more + FOR_ITS_STOP
        self.seconds = self._drainTimeout - self.drainLeft + left
        self._call.reset(left)

    def end(self) -> None:
        """
        It has ended.
        """
        if self._call is not None and self._call.active():
            self._call.cancel()
