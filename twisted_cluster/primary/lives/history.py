"""
What has happened to a worker, as far as its end is told with it.
"""

from __future__ import annotations

from attrs import define
from twisted.internet.interfaces import IReactorTime

from twisted_cluster.core.endings import Ending
from twisted_cluster.primary.lives.child import Child


@define(eq=False)
class History:
    """
    @ivar wasReady: Whether it has been ready.
    @ivar isPlanned: Whether it was to end.
    @ivar isTold: Whether it has said that somebody outside has told it to end.
    @ivar why: Why this process kills it, if that needs a reason.
    """

    _clock: IReactorTime
    _begun: float = 0.0
    wasReady: bool = False
    isPlanned: bool = False
    isTold: bool = False
    why: str = ""

    def __attrs_post_init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """
        It starts now.
        """
        self._begun = self._clock.seconds()

    def because(self, why: str) -> None:
        """
        This process ends it; of several reasons the first counts.

        @param why: C{""}: nobody wonders.
        """
        self.why = self.why or why

    @property
    def age(self) -> float:
        """
        How long it has been there, in seconds.
        """
        return self._clock.seconds() - self._begun

    def endingOf(self, child: Child, cut: int, whyCut: str) -> Ending:
        """
        How it has ended.

        @param cut: How many connections it had still.
        @param whyCut: Why these were cut, if that needs a reason.
        """
        return Ending(
            self.age,
            child.exitCode,
            child.exitSignal,
            self.isPlanned,
            self.isTold or child.isTold,
            child.isKilled,
            self.why or whyCut,
            self.wasReady,
            cut,
            (child.pid or 0) if child.isLeft else 0,
        )
