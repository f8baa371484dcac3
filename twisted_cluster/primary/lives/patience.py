"""
How long a worker may take to end.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

# A worker stops by itself when its drain has taken too long; this is for its own stop.
FOR_ITS_STOP = 2.0
# Its clock may have begun earlier than ours: it may have told us of its end late.
EARLIER = 0.5


class Patience:
    """
    Begins once, and runs out once, if the worker has not ended by then.

    @ivar seconds: From its beginning until it runs out.
    """

    def __init__(
        self, clock: IReactorTime, drainTimeout: float, runOut: Callable[[], object]
    ) -> None:
        self.seconds = drainTimeout + FOR_ITS_STOP
        self._clock = clock
        self._drainTimeout = drainTimeout
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

    def end(self) -> None:
        """
        It has ended.
        """
        if self._call is not None and self._call.active():
            self._call.cancel()
