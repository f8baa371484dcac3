"""
What the log says of a worker that takes back that it is ready, and gives it again.
"""

from __future__ import annotations

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from twisted_cluster.primary.lives.told import Worker, tell

# Seconds: who changes more often is told of less often, but never as what it is not.
QUIET = 1.0


class ReadinessTold:
    """
    Tells of each change; of several in a second only what has become of them.
    """

    def __init__(self, clock: IReactorTime, worker: Worker) -> None:
        self._clock = clock
        self._worker = worker
        self._isReady = self._told = True
        self._quiet: IDelayedCall | None = None

    def tell(self, isReady: bool) -> None:
        """
        It is ready now, or is not.
        """
        self._isReady = isReady
        if self._quiet is None:
            self._tellNow()

    def end(self) -> None:
        """
        It ends: that is told, and nothing else.
        """
        quiet, self._quiet = self._quiet, None
        if quiet is not None and quiet.active():
            quiet.cancel()

    def _tellNow(self) -> None:
        self._quiet = None
        if self._isReady == self._told:
            return
        self._told = self._isReady
        if self._isReady:
            tell("info", "{worker} is ready again", self._worker)
        else:
            tell("info", "{worker} is not ready: it is offered nothing", self._worker)
        self._quiet = self._clock.callLater(QUIET, self._tellNow)
