"""
One worker, as choice sees it.
"""

from __future__ import annotations

from typing import TypeVar

from attrs import frozen
from zope.interface import implementer

from twisted_cluster.core.counters import Counters
from twisted_cluster.core.counting import Countable, Credit, Tally
from twisted_cluster.core.progress import Progress
from twisted_cluster.interfaces import IWorkerLoad

# How many connections a worker may have that it has not taken: enough to keep it busy
# for a turn of its loop, few enough that they lose little if it does not turn.
WINDOW = 32
# So many descriptors are left to the application's own files.
RESERVE = 64
# A worker shows life some 20 times a second while it is idle: this is five beats.
STALE = 250_000_000
# A worker that shows none for so long is not waited for by its loyal clients either.
LOST = 10_000_000_000


def reserveFor(limit: int) -> int:
    """
    How many descriptors a worker keeps to itself.

    @param limit: How many it may have; negative is any number.
    @return: An eighth of them at most: where there are few, somebody is to be served.
    """
    return RESERVE if limit < 0 else min(RESERVE, limit // 8)


@frozen
class Post:
    """
    What the primary knows of a worker from the start; see L{IWorkerLoad}.
    """

    id: int
    number: int
    group: str = ""
    weight: int = 1
    generation: int = 1


@implementer(IWorkerLoad)
class Member:
    """
    One worker, as choice sees it.

    @ivar page: What it says of itself.
    @ivar lag: As it was when last looked at; see L{IWorkerLoad}.
    @ivar open: Whether it may be given anything at all.
    @ivar fresh: Whether it had shown life lately, when last looked at.
    @ivar reachable: Whether it had not long ago, and may be given something.
    @ivar progress: Whether it takes what it is handed.
    @ivar ports: The same of listeners from whose sockets it accepts itself, by their
        numbers.
    @ivar full: Whether it had no room when last asked.
    @ivar short: Whether it had no descriptors to spare when last asked.
    @ivar reserve: How many descriptors are left to it.
    @ivar tally: What it has been handed and has not ended, where that is limited.
    @ivar credits: What it lets listeners give it, by their numbers; for one that is
        not here, any number.
    """

    def __init__(
        self,
        post: Post,
        page: Counters,
        tally: Tally | None = None,
        window: int = WINDOW,
        reserve: int = RESERVE,
    ) -> None:
        """
        @param window: How many connections it may have that it has not taken.
        """
        self.id = post.id
        self.number = post.number
        self.group = post.group
        self.weight = post.weight
        self.generation = post.generation
        self.page = page
        self.lag = 0.0
        self.open = True
        self.fresh = False
        self.reachable = False
        self.full = False
        self.short = False
        self.credits: dict[int, Credit] = {}
        self.tally = tally
        self._window = window
        self.reserve = reserve
        self._sent = page.taken
        # How many more can be handed over before anything has to be looked at.
        self._spare = 0
        self._refusedAt = -1
        self.progress = Progress(page.taken)
        self.ports: dict[int, Progress] = {}

    # What policies see

    @property
    def active(self) -> int:
        return max(0, self.page.opened - self.page.closed)

    @property
    def queued(self) -> int:
        return max(0, self._sent - self.page.taken)

    @property
    def load(self) -> int:
        return self.active + self.queued

    @property
    def cpu(self) -> float:
        return self.page.cpu / 1e6

    @property
    def rss(self) -> int:
        return self.page.rss

    @property
    def age(self) -> float:
        return max(0, self.page.heartbeat - self.page.born) / 1e9

    @property
    def draining(self) -> bool:
        return not self.open

    # What the door sees

    @property
    def offerable(self) -> bool:
        """
        Whether it can be given a connection.
        """
        return self.open and self.fresh and not self.full

    @property
    def headroom(self) -> int:
        """
        How many descriptors it has left at least: all that it was handed since it
        counted them has taken one.
        """
        # In this order, for it writes them in the other: a descriptor may count twice
        # then, but never not at all.
        counted = self.page.counted
        return self.page.headroom - max(0, self._sent - counted)

    @property
    def room(self) -> int:
        """
        How many connections it can be handed.
        """
        spare = self.headroom - self.reserve
        return max(0, min(self._window - self.queued, spare))

    @property
    def hasMost(self) -> bool:
        """
        Whether it has as many connections as it may.
        """
        return self.tally is not None and self.tally.isFull

    @property
    def stalled(self) -> bool:
        """
        Whether it takes nothing just now.
        """
        return self.progress.isStalled

    @property
    def takesNothing(self) -> int | None:
        """
        Since when it has taken nothing.

        @see: L{Progress.takesNothing}
        """
        if not self.ports:
            return self.progress.takesNothing
        all = [self.progress, *self.ports.values()]
        return min(
            (one.takesNothing for one in all if one.takesNothing is not None),
            default=None,
        )

    def lookAt(self, now: int) -> None:
        """
        See whether the heartbeat is recent, with descriptors to spare.

        @param now: Monotonic nanoseconds.
        """
        silence = self._silence(now)
        self.short = self.headroom <= self.reserve
        self.fresh = silence < STALE and not self.short
        self.reachable = self.open and silence < LOST and not self.short
        self._refusedAt = -1
        page = self.page
        self.lag = page.lag / 1e3
        self.progress.look(now, page.taken, self.queued, page.heartbeat)

    def reconcile(self) -> int:
        """
        Make sure of what is on its way to it.

        @return: How many connections the worker has not taken.
        """
        return self.queued

    def glance(self, now: int) -> bool:
        """
        See whether it takes what it is handed.

        @param now: Monotonic nanoseconds.
        @return: Whether that has changed.
        """
        page = self.page
        return self.progress.glance(now, page.taken, self.queued, page.heartbeat)

    def goesOn(self) -> bool:
        """
        @return: Whether it had stalled, and has taken something since.
        """
        return self.progress.goesOn(self.page.taken)

    def isAlive(self, now: int) -> bool:
        """
        Whether its heart beats.

        @param now: Monotonic nanoseconds.
        """
        return self._silence(now) < STALE

    def _silence(self, now: int) -> int:
        # A beat of the future is a lie: it would last for ever.
        silence = now - self.page.heartbeat
        return silence if silence > -STALE else LOST

    def refuse(self) -> None:
        """
        The system has no room for more on the way to it: until it takes something, or
        the next look.
        """
        self.full = True
        self._refusedAt = self.page.taken

    def hasRoom(self) -> bool:
        """
        Look at what the worker has taken meanwhile.
        """
        room = 0 if self.page.taken == self._refusedAt else self.room
        self.full = not room or self.hasMost
        self.short = self.headroom <= self.reserve
        # With none left add() takes the long way, which counts what has to be counted.
        self._spare = 0 if self.credits or self.tally is not None else room
        return not self.full

    def add(self, connection: Countable) -> bool:
        """
        A connection is handed over.

        @return: Whether all is as before; else it is full, or a credit is spent.
        """
        self._sent += 1
        self._spare -= 1
        return self._spare > 0 or self._weigh(connection)

    def _weigh(self, connection: Countable) -> bool:
        if self.tally is not None:
            self.tally.add(connection)
        credit = self.credits.get(connection.listener)
        isSpent = False
        if credit is not None:
            credit.handed += 1
            isSpent = credit.isSpent
        return self.hasRoom() and not isSpent

    # What it is willing to take

    def limit(self, listener: int, willing: int | None) -> None:
        """
        Give no more than a worker is willing to be given.

        @param willing: As in L{Credit}.
        """
        self.credits.setdefault(listener, Credit(willing)).willing = willing
        self.hasRoom()

    def handedBy(self, listener: int) -> int:
        """
        How many connections of a listener have counted so far.
        """
        credit = self.credits.get(listener)
        return 0 if credit is None else credit.handed

    def mayTakeFrom(self, listener: int) -> bool:
        """
        Whether it is willing to be given one more by a listener.
        """
        credit = self.credits.get(listener)
        return credit is None or not credit.isSpent


M = TypeVar("M", bound=Member)
