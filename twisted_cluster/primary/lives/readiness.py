"""
Tells when too few workers serve, and when enough do again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from twisted_cluster.core.words import serving

log = Logger()

# A replacement is there within less, mostly: that is not worth a word.
SOON = 2.0


class Readiness:
    """
    Looks how many serve.
    """

    def __init__(
        self,
        clock: IReactorTime,
        least: int,
        count: Callable[[], tuple[Collection[int], int]],
    ) -> None:
        """
        @param clock: Counts monotonic seconds.
        @param least: How many have to.
        @param count: Gives the slots of those that serve, and how many there are to be.
        """
        self._clock = clock
        self._least = least
        self._count = count
        # Whether it was ever ready since it started.
        self._wasReady = False
        self._since: float | None = None
        self._isTold = False
        self._isOver = False

    def restart(self) -> None:
        """
        The cluster starts: nobody expects it to be ready yet.
        """
        self._wasReady = self._isTold = self._isOver = False
        self._since = None

    def rest(self) -> None:
        """
        It stops: nobody expects it to be ready any more.
        """
        self._isOver = True

    def look(self) -> None:
        """
        To be called some 20 times a second.
        """
        if self._isOver:
            return
        there, wanted = self._count()
        count = len(there)
        if count >= self._least:
            self._enough(count, wanted)
        elif self._wasReady:
            self._tooFew(count, wanted)

    def _enough(self, count: int, wanted: int) -> None:
        self._wasReady, self._since = True, None
        if self._isTold:
            self._isTold = False
            log.info("ready again: {serving}", serving=serving(count, wanted))

    def _tooFew(self, count: int, wanted: int) -> None:
        now = self._clock.seconds()
        self._since = now if self._since is None else self._since
        if not self._isTold and now - self._since >= SOON:
            self._isTold = True
            log.error(
                "not ready: {serving}, and {least} have to",
                serving=serving(count, wanted),
                least=self._least,
            )
