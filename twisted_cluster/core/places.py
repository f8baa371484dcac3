"""
What L{twisted_cluster.core.slots} knows of a worker, and of a place for one.
"""

from __future__ import annotations

import math

from attrs import define, frozen

from twisted_cluster.core.actions import PERSISTENT, Retire

# A worker that was ready for so long can start: its replacement need not wait.
SETTLED = 1.0
# With nobody there at all, nobody waits longer than this for another try.
ALONE = 2.0


@frozen
class Renewal:
    """
    Why and when a worker makes way for its successor: first that one is there.

    @ivar why: For whoever wonders; C{""}: nobody does.
    @ivar trial: How long its successor has to have been ready by then, in seconds.
    @ivar latest: When it leaves although none is.
    """

    why: str = ""
    trial: float = 0.0
    latest: float = math.inf

    def isDue(self, now: float, ready: float | None) -> bool:
        """
        Whether it is to leave now.

        @param ready: Since when its successor has been ready; L{None}: it is not.
        """
        return now >= self.latest or (ready is not None and now - ready >= self.trial)


@define(eq=False)
class Life:
    """
    One worker, from its start to its end.

    @ivar begun: When it was started.
    @ivar ready: When it became ready; L{None} before.
    @ivar isLeaving: Whether it ends, and its slot is free for another.
    @ivar renewal: Why it is to be replaced, and its slot is free for its successor;
        L{None} if it is not.
    @ivar unfit: What is wrong with it although it is ready; C{""}: nothing is. Nobody
        makes way for it as long as that is so.
    @ivar lost: When its channel was closed; L{None} before.
    @ivar isOverdue: Whether its start has taken too long.
    @ivar mentioned: How often its slow start was told.
    """

    id: int
    slot: int
    generation: int
    begun: float
    ready: float | None = None
    isLeaving: bool = False
    renewal: Renewal | None = None
    unfit: str = ""
    lost: float | None = None
    isOverdue: bool = False
    mentioned: int = 0

    @property
    def isStarting(self) -> bool:
        """
        Whether it is to become ready, and is not yet.
        """
        return self.ready is None and not self.isLeaving

    @property
    def fills(self) -> bool:
        """
        Whether its slot needs no other.
        """
        return not self.isLeaving and self.renewal is None

    def retire(self) -> Retire:
        """
        It is to end.
        """
        self.isLeaving = True
        return Retire(self.id, "" if self.renewal is None else self.renewal.why)

    def hasSettled(self, now: float) -> bool:
        """
        Whether it has been ready for a while.
        """
        return self.isSteady(now, SETTLED)

    def isSteady(self, now: float, seconds: float) -> bool:
        """
        Whether it has been ready for so long.
        """
        return self.ready is not None and now - self.ready >= seconds


@define(eq=False)
class Slot:
    """
    A place for one current worker, and any number that are leaving.

    @ivar generation: Of which its next worker is to be.
    @ivar failures: How many in a row ended before they had settled.
    @ivar short: How many in a row ended before they were thought to stay.
    @ivar reminded: When it was told last that this goes on.
    @ivar told: How many in a row were told to end before they had settled.
    @ivar failed: When the last of these did.
    @ivar due: When the next may start.
    @ivar canStart: Whether the last that ended had been ready.
    @ivar isTried: Whether one was ever started here.
    """

    generation: int = 1
    failures: int = 0
    short: int = 0
    reminded: float = -math.inf
    told: int = 0
    failed: float = 0.0
    due: float = 0.0
    canStart: bool = False
    isTried: bool = False

    @property
    def hasFailed(self) -> bool:
        """
        Whether so many have failed that it is not only bad luck.
        """
        return self.failures >= PERSISTENT

    def dueAlone(self, now: float) -> float:
        """
        When the next may start if nobody else is there.
        """
        return now if self.canStart else min(self.due, self.failed + ALONE)

    def renew(self, now: float, generation: int) -> None:
        """
        It is to have a worker of this generation; nothing is known against that one.
        """
        self.generation, self.due = generation, now
        self.failures = self.short = self.told = 0

    def putOff(self, now: float, delay: float) -> None:
        """
        The next may start in so many seconds.
        """
        self.failed, self.due = now, now + delay
