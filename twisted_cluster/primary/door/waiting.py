"""
One port's connections, once they are accepted: given to a worker, waiting, turned away.
"""

from __future__ import annotations

from typing import NamedTuple, cast

from twisted_cluster.core.addresses import addressOf
from twisted_cluster.core.counting import mostOf
from twisted_cluster.core.decision import Asked, Decision, Way
from twisted_cluster.core.lines import Lines
from twisted_cluster.core.users import Users
from twisted_cluster.events import ConnectionFacts
from twisted_cluster.primary.door.hall import Hall, waitingPlaces
from twisted_cluster.primary.door.hands import Hand
from twisted_cluster.primary.door.peeker import peek
from twisted_cluster.primary.ports.listener import Listener
from twisted_cluster.wire.handed import SEEN, Handed
from twisted_cluster.wire.handoff import letGo

# Few clients wait longer; what has no bound would wait for ever where nobody comes back.
LONGEST_WAIT = 30_000_000_000
# Where workers accept as well who is given to one may come back often, at once.
HALVED = 3
# What is not kept of a connection that waits is looked at again.
KEPT = 1024


class Waiting(NamedTuple):
    """
    A connection that can go to nobody just now.

    @ivar until: When it has waited long enough, in monotonic nanoseconds.
    @ivar first: Its first bytes, if they were looked at; L{None} if that is to be done.
    """

    connection: Handed
    until: int
    first: bytes | None = None


class WaitingRoom:
    """
    Where one listener's connections are until a worker has them.

    @ivar lines: Who waits for a worker.
    @ivar refused: How many connections were closed here.
    @ivar limit: How many of a connection's first bytes are looked at.
    """

    def __init__(
        self, listener: Listener, hall: Hall, asked: Asked[Hand], limit: int
    ) -> None:
        """
        @param asked: Who chooses.
        @param limit: As the attribute.
        """
        self.lines: Lines[Waiting] = Lines(waitingPlaces())
        self.refused = 0
        self._listener = listener
        self._hall = hall
        self._hands = hall.hands
        self._roster = hall.hands.roster
        self._users = cast(Users[Hand], listener.users)
        self._asked = asked
        self.limit = limit
        self._decision: Decision[Hand, Waiting] = Decision(
            self._users,
            asked,
            self.lines,
            hall.places,
            mostOf(hall.places.limits, listener.facts.name),
        )
        # What is known of those that were given in this turn, by descriptor: a queue may
        # refuse them.
        self._given: dict[int, Waiting] = {}
        # Whether one more has begun to wait.
        self._hasNews = False

    def ask(self, asked: Asked[Hand]) -> None:
        """
        Somebody else chooses from now on.
        """
        self._asked = self._decision.asked = asked

    def before(self, pending: int) -> Way:
        """
        @param pending: How many connections are accepted, and not handed over.
        @return: What is to be done with who comes next.
        """
        ready = self._users.ready(self._roster.version)
        way = self._decision.before(ready, pending)
        if way is Way.AWAY:
            instead = self._hall.places.limits.atLimit
            self.say(f"has all the connections that it may have: {instead} (--at-limit)")
        return way

    def route(self, connection: Handed, first: bytes | None) -> None:
        """
        Have a new connection given to somebody, or let it wait, or turn it away.

        @param first: Its first bytes; L{None} if they are to be looked at.
        """
        until = self._hall.nanoseconds() + LONGEST_WAIT
        self._attempt(Waiting(connection, until, first), waited=False)

    def serve(self) -> None:
        """
        Have those who wait served, who can be.
        """
        # Once more if there was room meanwhile, and no more often: others are waiting.
        for _ in range(2):
            if not self.lines.count or not self._users.ready(self._roster.version):
                return
            self.lines.serve(self._attempt)
            if not self._settle(self._hands.flush()):
                return

    def flush(self) -> None:
        """
        Hand over what was given. What a queue refuses waits on.
        """
        refused = self._hands.flush()
        isPlain = not refused and not self._given and not self._hasNews
        if not isPlain and self._settle(refused):
            self.serve()

    def _settle(self, refused: list[Handed]) -> bool:
        """
        @return: Whether there is room again for those who have begun to wait.
        """
        for connection in reversed(refused):
            self.hold(connection, self._given.get(connection.fd))
        self._given.clear()
        if not self._hasNews:
            return False
        self._hasNews = False
        self._roster.listen(True)
        return self._roster.recheck()

    def hold(
        self,
        connection: Handed,
        before: Waiting | None = None,
        first: bytes | None = None,
    ) -> None:
        """
        Let a connection wait that has been given in vain, before all others in its line.

        @param before: What is known of it already.
        @param first: Else its first bytes, as in L{Waiting}.
        """
        # Each time that it comes back it has half as long: it has waited elsewhere.
        times = min(connection.bounces, HALVED)
        until = self._hall.nanoseconds() + (LONGEST_WAIT >> times)
        waiting = before or Waiting(connection, until, first)
        waiting = waiting._replace(connection=connection)
        line = self._asked.lineOf(self._factsOf(connection, waiting.first))
        self.lines.add(line, waiting, first=True)
        self._hasNews = True

    def dismiss(self, now: int) -> None:
        """
        Close what has waited too long.

        @param now: Monotonic nanoseconds.
        """
        late = self.lines.overdue(now)
        for waiting in late:
            self.turnAway(waiting.connection)
        if late:
            self.say("connections are closed that have waited 30 s for a worker")

    def turnAway(self, connection: Handed) -> None:
        """
        Close a connection that is one too many.
        """
        self.refused += 1
        self._hall.farewells.turnAway(self._listener, connection)

    def say(self, what: str) -> None:
        """
        Log something, at most once a minute.
        """
        self._hall.say(self._listener.facts.name, what)

    def take(self, other: WaitingRoom) -> None:
        """
        Let those wait here that wait in another room of the same port.
        """
        for waiting in reversed(other.lines.clear()):
            # Another policy may want to see more of it, or less.
            isSeen = waiting.connection.flags & SEEN
            first = waiting.first if isSeen else None
            self.hold(waiting.connection, waiting._replace(first=first))

    def close(self) -> None:
        """
        Close the connections that nobody could be given.
        """
        for waiting in self.lines.clear():
            letGo(waiting.connection)

    def _attempt(self, waiting: Waiting, waited: bool = True) -> bool:
        """
        @param waited: Whether it stands in a line, and is the next there.
        @return: Whether it need not wait there any longer.
        """
        connection = self._registered(waiting.connection)
        if connection is None:
            self.turnAway(waiting.connection)
            return True
        facts = self._factsOf(connection, waiting.first)
        ready = self._users.ready(self._roster.version)
        decided = self._decision.decide(facts, ready, waited)
        if decided.member is not None:
            if not waited and self.lines.count:
                self.lines.passed = True
            self._given[connection.fd] = waiting
            self._hands.give(decided.member, connection)
        elif decided.way is Way.AWAY:
            if self.lines.isFull:
                self.say("too many wait: newer ones are closed")
            self.turnAway(connection)
        elif waited:
            return False
        else:
            isKept = len(facts.first) <= KEPT or connection.flags & SEEN
            first = facts.first if isKept else None
            self.lines.add(decided.line, waiting._replace(first=first))
            self._hasNews = True
        return True

    def _factsOf(self, connection: Handed, first: bytes | None) -> ConnectionFacts:
        if first is None:
            # What another may have still could keep this process from looking.
            isLookedAt = self.limit and not connection.flags & SEEN
            first = peek(connection.fd, self.limit) if isLookedAt else b""
        return ConnectionFacts(
            self._listener.facts, connection.name, first, connection.fd
        )

    def _registered(self, connection: Handed) -> Handed | None:
        """
        See where a connection counts.

        @return: The connection with its tally, or L{None} if its address has as many
            as it may.
        """
        places, name = self._hall.places, connection.name
        if places.limits.address is None or not isinstance(name, tuple):
            return connection
        cell = places.cellOf(addressOf(name), self._hall.nanoseconds())
        if cell is None:
            self._hall.say("addresses", "more than can be counted: not limited")
            return connection
        if places.open(cell) >= places.limits.address:
            return None
        return connection._replace(tally=cell)
