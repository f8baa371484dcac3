"""
Who is there, and who can take a connection.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Generic, Protocol, TypeVar

from attrs import frozen
from zope.interface import implementer

from twisted_cluster.core.counting import Countable, Credit, Tally
from twisted_cluster.interfaces import IWorkerLoad

# How many connections a worker may have that it has not taken: enough to keep it busy
# for a turn of its loop, few enough that they lose little if it does not turn.
WINDOW = 32
# So many descriptors are left to the application's own files.
RESERVE = 64
# A worker shows life some 10 times a second while it is idle: this is two beats, and
# some patience.
STALE = 250_000_000
# A worker that shows none for so long is not waited for by its loyal clients either.
LOST = 10_000_000_000
# From one look to the next no more than this counts as time in which it took nothing:
# the primary may have stood still itself.
LONGEST_GAP = 100_000_000


def reserveFor(limit: int) -> int:
    """
    How many descriptors a worker keeps to itself.

    @param limit: How many it may have; negative is any number.
    @return: An eighth of them at most: where there are few, somebody is to be served.
    """
    return RESERVE if limit < 0 else min(RESERVE, limit // 8)


class Counters(Protocol):
    """
    What a worker says of itself; see L{twisted_cluster.wire.page}.
    """

    waiting: int

    @property
    def heartbeat(self) -> int: ...
    @property
    def taken(self) -> int: ...
    @property
    def opened(self) -> int: ...
    @property
    def closed(self) -> int: ...
    @property
    def lag(self) -> int: ...
    @property
    def headroom(self) -> int: ...
    @property
    def counted(self) -> int: ...
    @property
    def born(self) -> int: ...
    @property
    def cpu(self) -> int: ...
    @property
    def rss(self) -> int: ...


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
    @ivar open: Whether it may be given anything at all.
    @ivar fresh: Whether it had shown life lately, when last looked at.
    @ivar reachable: Whether it had not long ago, and may be given something.
    @ivar stalled: Whether it has not taken what it was handed for a while, nor shown
        life since.
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
        self.open = True
        self.fresh = False
        self.reachable = False
        self.stalled = False
        self.full = False
        self.short = False
        self.credits: dict[int, Credit] = {}
        self.tally = tally
        self._window = window
        self.reserve = reserve
        self._sent = page.taken
        # How many more can be handed over before anything has to be looked at.
        self._spare = window
        self._seen = -1
        self._stalledAt = 0
        self._lastTaken = page.taken
        self._watchedAt = 0
        self._owed = 0

    # What policies see

    @property
    def active(self) -> int:
        return max(0, self.page.opened - self.page.closed)

    @property
    def queued(self) -> int:
        return max(0, self._sent - self.page.taken)

    @property
    def lag(self) -> float:
        return self.page.lag / 1e3

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
    def takesNothing(self) -> int | None:
        """
        Since when it has taken nothing of what it was handed, in monotonic nanoseconds;
        L{None} if it has. Only time in which something waited for it counts, though that
        may have been taken back meanwhile.
        """
        return self._watchedAt - self._owed if self._owed else None

    def lookAt(self, now: int) -> None:
        """
        See whether the heartbeat is recent, with descriptors to spare.

        @param now: Monotonic nanoseconds.
        """
        silence = self._silence(now)
        self.short = self.headroom <= self.reserve
        self.fresh = silence < STALE and not self.short
        self.reachable = self.open and silence < LOST and not self.short
        self._watch(now)

    def reconcile(self) -> int:
        """
        Make sure of what is on its way to it.

        @return: How many connections the worker has not taken.
        """
        return self.queued

    def glance(self, now: int) -> bool:
        """
        See whether it takes what it is handed; to be called some 100 times a second
        while there is anything that it has not taken.

        @param now: Monotonic nanoseconds.
        @return: Whether that has changed.
        """
        before, taken, beat = self.stalled, self.page.taken, self.page.heartbeat
        if not before and self.queued and taken == self._seen:
            self.stalled, self._stalledAt = True, beat
        elif before and (beat > self._stalledAt or taken != self._seen):
            self.stalled = False
        self._seen = taken if self.queued or self.stalled else -1
        self._watch(now)
        return self.stalled != before

    @property
    def hasMoved(self) -> bool:
        """
        Whether it has taken something since the last glance.
        """
        return self.page.taken != self._seen

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

    def _watch(self, now: int) -> None:
        taken = self.page.taken
        if taken != self._lastTaken:
            self._lastTaken, self._owed = taken, 0
        elif self.queued or self.stalled:
            self._owed += min(now - self._watchedAt, LONGEST_GAP)
        self._watchedAt = now

    def hasRoom(self) -> bool:
        """
        Look at what the worker has taken meanwhile.
        """
        room = self.room
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


def byNumber(member: Member) -> tuple[int, int]:
    """
    The order in which policies see workers.
    """
    return member.number, member.id


class Roster(Generic[M]):
    """
    All workers that may be given connections.

    @ivar members: By id.
    @ivar version: Changes whenever a member's state does.
    """

    def __init__(self) -> None:
        self.members: dict[int, M] = {}
        self.version = 0
        self.full: set[M] = set()

    def enter(self, member: M) -> None:
        """
        One more.
        """
        self.members[member.id] = member
        self.version += 1

    def leave(self, member: M) -> None:
        """
        It is to be given nothing more.
        """
        member.open = member.reachable = False
        self.members.pop(member.id, None)
        self.full.discard(member)
        self.version += 1

    def note(self, member: M) -> None:
        """
        A member is full, or has no credit left somewhere.
        """
        if member.full:
            self.full.add(member)
        self.version += 1

    def look(self, now: int) -> list[M]:
        """
        Look at every heartbeat; to be called some 20 times a second.

        @param now: Monotonic nanoseconds.
        @return: Those that show no life and have not taken all that they were handed.
        """
        behind = []
        for member in self.members.values():
            member.lookAt(now)
            if member.reconcile() and not member.fresh:
                behind.append(member)
            if not member.hasRoom():
                self.full.add(member)
        self.version += 1
        return behind

    def glance(self, now: int) -> list[M]:
        """
        @return: Those that take what they are handed since now, or do no longer.
        """
        changed = [one for one in self.members.values() if one.glance(now)]
        if changed:
            self.version += 1
        return changed

    @property
    def slow(self) -> set[M]:
        """
        Those from whom it is to be heard as soon as they take anything.
        """
        return self.full | {one for one in self.members.values() if one.stalled}

    def changed(self) -> None:
        """
        Something may have changed: look at those that had no room, or took nothing.
        """
        for member in self.members.values():
            if member.stalled and member.hasMoved:
                member.stalled = False
                member.page.waiting = 0
        self.recheck()
        self.version += 1

    def recheck(self) -> None:
        """
        Look at those that were full.
        """
        if not self.full:
            return
        for member in [one for one in self.full if one.hasRoom()]:
            self.full.discard(member)
            member.page.waiting = 0
            self.version += 1

    @property
    def isBusy(self) -> bool:
        """
        Whether anybody has anything that it has not taken.
        """
        return any(one.queued or one.stalled for one in self.members.values())

    def spareBeside(self, member: M, group: str | None = None) -> int:
        """
        For how many connections others have room, who take what they are handed.

        @param group: Only those of this group; L{None} is any.
        """
        return sum(
            one.room
            for one in self.members.values()
            if one is not member
            and one.offerable
            and not one.stalled
            and (group is None or one.group == group)
        )


class Users(Generic[M]):
    """
    Who serves one listener.

    @ivar listener: Its number.
    @ivar loyal: Whether its clients have a worker each.
    @ivar grouped: Whether only those of its group can serve a client.
    @ivar metered: Whether one of them has ever said how much it is willing to take.
    """

    def __init__(self, listener: int, loyal: bool = False, grouped: bool = False) -> None:
        """
        As the attributes are called.
        """
        self.listener = listener
        self.loyal = loyal
        self.grouped = grouped
        self._members: dict[int, M] = {}
        self._paused: set[int] = set()
        self.metered = False
        self._ready: tuple[M, ...] = ()
        self._readyAt = -1

    def __contains__(self, id: int) -> bool:
        return id in self._members

    def __len__(self) -> int:
        return len(self._members)

    def __iter__(self) -> Iterator[M]:
        """
        Those that have not paused.
        """
        return iter(m for m in self._members.values() if m.id not in self._paused)

    def has(self, number: int) -> bool:
        """
        Whether a slot has a worker here.
        """
        return any(member.number == number for member in self._members.values())

    def join(self, member: M) -> None:
        """
        It serves from now on.
        """
        self._members[member.id] = member
        self._readyAt = -1

    def leave(self, id: int) -> bool:
        """
        @return: Whether it was here.
        """
        self._paused.discard(id)
        self._readyAt = -1
        return self._members.pop(id, None) is not None

    def pause(self, id: int, paused: bool) -> None:
        """
        It takes nothing for now, or takes it again.
        """
        (self._paused.add if paused else self._paused.discard)(id)
        self._readyAt = -1

    def ready(self, version: int) -> tuple[M, ...]:
        """
        @param version: The roster's.
        @return: The workers that can take a connection, by number.
        """
        if version != self._readyAt:
            self._readyAt = version
            self._ready = tuple(self._whoIsReady(sorted(self, key=byNumber)))
        return self._ready

    def _whoIsReady(self, users: list[M]) -> Iterable[M]:
        if self.metered:
            users = [one for one in users if one.mayTakeFrom(self.listener)]
        if self.loyal:
            return [one for one in users if one.reachable and not one.short]
        able = [one for one in users if one.offerable]
        if self.grouped:
            going = {one.group for one in able if not one.stalled}
            return [one for one in able if not one.stalled or one.group not in going]
        return [one for one in able if not one.stalled] or able
