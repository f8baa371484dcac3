"""
What becomes of a connection: nothing here waits, or asks the system.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from enum import Enum
from typing import Any, Generic, Protocol, cast

from attrs import frozen

from twisted_cluster.core.counting import Places
from twisted_cluster.core.lines import Lines, W
from twisted_cluster.core.member import M
from twisted_cluster.core.roster import Roster
from twisted_cluster.core.users import Users
from twisted_cluster.events import WAIT, ConnectionFacts
from twisted_cluster.interfaces import ILiningPolicy, ILoyalPolicy, ISchedulingPolicy

# More than this a worker is not handed for its loyal clients, though they are its own:
# who comes then is better served by another than by a crowd's last.
PATIENCE = 256
# Begins the name of a line of those who wait for one worker.
WORKER = "worker"


class Way(Enum):
    """
    What is to be done with a connection.
    """

    GIVE = "give it to a worker"
    HOLD = "let it wait"
    AWAY = "turn it away"
    LEAVE = "do not accept it yet"


@frozen
class Decided(Generic[M]):
    """
    @ivar member: Who is to have it, where it is to be given.
    @ivar line: Where it is to wait, where it is held.
    """

    way: Way
    member: M | None = None
    line: Hashable = None


class Asking(Generic[M]):
    """
    Asks a policy, and believes it no more than it may be believed.
    """

    def __init__(self, policy: ISchedulingPolicy, patience: int = PATIENCE) -> None:
        """
        @param patience: How many connections a worker of a loyal policy may have that it
            has not taken.
        """
        self._policy = policy
        self._patience = patience
        self._isLoyal = ILoyalPolicy.providedBy(policy)
        lines: Any = policy
        self._lineOf: Callable[[ConnectionFacts], Hashable] | None = None
        if ILiningPolicy.providedBy(policy):
            self._lineOf = lines.lineOf

    def choose(self, connection: ConnectionFacts, ready: Sequence[M]) -> M | None:
        """
        @raise ValueError: If the policy chooses a stranger.
        """
        chosen = self._ask(connection, ready)
        if self._isLoyal and chosen is not None and chosen.queued >= self._patience:
            others = tuple(one for one in ready if one.queued < self._patience)
            return self._ask(connection, others) if others else None
        return chosen

    def lineOf(self, connection: ConnectionFacts) -> Hashable:
        """
        @return: What a connection waits for; L{None} if that is not known.
        """
        return None if self._lineOf is None else self._lineOf(connection)

    def _ask(self, connection: ConnectionFacts, ready: Sequence[M]) -> M | None:
        chosen = self._policy.choose(connection, ready)
        if chosen is not None and chosen not in ready:
            raise ValueError(f"chose {chosen!r:.80}, which is not among the ready")
        return cast("M | None", chosen)


class Asked(Protocol[M]):
    """
    What is asked for a choice: L{Asking}, or what guards it.
    """

    def choose(self, connection: ConnectionFacts, ready: Sequence[M]) -> M | None:
        """
        @return: A member of C{ready}; L{None} to wait.
        """

    def lineOf(self, connection: ConnectionFacts) -> Hashable:
        """
        @return: What a connection waits for; L{None} if that is not known.
        """


class Decision(Generic[M, W]):
    """
    What becomes of the connections of one listener.

    @ivar asked: Who chooses.
    """

    def __init__(
        self,
        users: Users[M],
        asked: Asked[M],
        lines: Lines[W],
        places: Places,
        most: int | None = None,
    ) -> None:
        """
        @param users: Who serves the listener.
        @param lines: Who waits there.
        @param most: How many connections it may have, in all workers together.
        """
        self._users = users
        self.asked = asked
        self._lines = lines
        self._places = places
        self._most = most

    def before(self, ready: Sequence[M], waiting: int = 0) -> Way:
        """
        @param ready: Who can take a connection.
        @param waiting: How many the listener has that nobody has been handed.
        @return: What is to be done with who comes next, whoever that is: L{Way.GIVE},
            which may be L{decide}d otherwise then, L{Way.AWAY} or L{Way.LEAVE}.
        """
        if ready and not self.isFull(ready, waiting):
            isStuck = self._lines.isFull and not self._lines.passed
            # All wait for the same, as far as is known; so would who comes next.
            return Way.LEAVE if isStuck else Way.GIVE
        limits = self._places.limits
        if limits.atLimit == WAIT or not limits.any:
            return Way.LEAVE
        isLimit = self._isFull(waiting) or self._hasNobodyLeft()
        return Way.AWAY if isLimit else Way.LEAVE

    def isFull(self, ready: Sequence[M], waiting: int) -> bool:
        """
        Whether there are as many connections as there may be, though workers are ready.
        """
        if not self._places.limits.any:
            return False
        if self._users.loyal and all(member.hasMost for member in ready):
            return True
        return self._isFull(waiting)

    def decide(
        self, facts: ConnectionFacts, ready: Sequence[M], waited: bool = False
    ) -> Decided[M]:
        """
        @param ready: Who can take a connection.
        @param waited: Whether it has waited, and is the next in its line.
        @return: L{Way.GIVE}, L{Way.HOLD} or L{Way.AWAY}.
        """
        if not ready:
            return self.hold(facts, True)
        if not waited and self._lines.count:
            line = self.asked.lineOf(facts)
            if line is not None and self._lines.has(line):
                return self._hold(line, False)
        return self.judge(facts, self.asked.choose(facts, ready), waited)

    def judge(self, facts: ConnectionFacts, chosen: M | None, waited: bool) -> Decided[M]:
        """
        @param chosen: Whom the policy has chosen for a connection.
        @return: As L{decide}.
        """
        if chosen is None:
            return self.hold(facts, waited)
        if self._users.loyal:
            # Who waits for one worker, and for no other.
            line = WORKER, chosen.id
            if chosen.hasMost or (not waited and self._lines.has(line)):
                return self._hold(line, waited)
        return Decided(Way.GIVE, chosen)

    def hold(self, facts: ConnectionFacts, mayStay: bool) -> Decided[M]:
        """
        @param mayStay: Whether it may wait in any case.
        @return: L{Way.HOLD}, with the line, or L{Way.AWAY}.
        """
        return self._hold(self.asked.lineOf(facts), mayStay)

    def _hold(self, line: Hashable, mayStay: bool) -> Decided[M]:
        if mayStay or self._mayWait():
            return Decided(Way.HOLD, None, line)
        return Decided(Way.AWAY)

    def _mayWait(self) -> bool:
        """
        Whether a connection may wait that nobody is to have just now, though others are
        served: not if too many do, nor for a worker that has as many as it may, where
        such are turned away.
        """
        if self._lines.isFull:
            return False
        mayWait = self._places.limits.atLimit == WAIT
        return mayWait or not any(user.hasMost for user in self._users)

    def _isFull(self, waiting: int) -> bool:
        return self._places.isFull(self._users.listener, self._most, waiting)

    def _hasNobodyLeft(self) -> bool:
        """
        Whether all who could serve a listener have as many connections as they may.
        """
        users = [one for one in self._users if one.reachable]
        return bool(users) and all(one.hasMost for one in users)


class Shares(Generic[M]):
    """
    How much of what a worker has not taken others are to have: no more than they have
    room for, and nothing that is loyal to it while it may come back.
    """

    def __init__(self, roster: Roster[M], member: M) -> None:
        """
        @param member: The worker that takes nothing.
        """
        self._mayComeBack = member.reachable
        self._others = roster.spareBeside(member)
        self._siblings = roster.spareBeside(member, member.group)

    def __bool__(self) -> bool:
        return self._others > 0

    def mayTake(self, users: Users[Any]) -> bool:
        """
        @param users: Who serves a listener.
        @return: Whether others may have anything of that.
        """
        if users.loyal and self._mayComeBack:
            return False
        return self._others > 0 and (not users.grouped or self._siblings > 0)

    def take(self, users: Users[Any]) -> bool:
        """
        @param users: Who serves the listener of the connection that is next.
        @return: Whether others are to have it.
        """
        if not self.mayTake(users):
            return False
        self._others -= 1
        self._siblings -= users.grouped
        return True
