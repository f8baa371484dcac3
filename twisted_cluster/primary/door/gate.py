"""
One port's connections: accepted, looked at, waiting, given.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, cast

from twisted_cluster.core.addresses import addressOf
from twisted_cluster.core.counting import mostOf
from twisted_cluster.core.decision import Decision, Way
from twisted_cluster.core.lines import Lines
from twisted_cluster.core.roster import Users
from twisted_cluster.events import ConnectionFacts
from twisted_cluster.interfaces import ILookingPolicy
from twisted_cluster.primary.door.chooser import chooserFor
from twisted_cluster.primary.door.hall import Hall, waitingPlaces
from twisted_cluster.primary.door.hands import Hand
from twisted_cluster.primary.door.peeker import Peeker, peek
from twisted_cluster.primary.ports.listener import Listener
from twisted_cluster.wire.handoff import Handed
from twisted_cluster.wire.reader import Reader

# The most that are accepted in one turn: other ports are to have theirs.
BURST = 32
LONGEST_WAIT = 30_000_000_000
# What is not kept of a connection that waits is looked at again.
KEPT = 1024
# A connection was broken before it was accepted; there may be others behind it.
BROKEN = {errno.ECONNABORTED, errno.EPERM, errno.EPROTO, errno.EINTR}
# A tuple's own, without the call in between that a named one makes: 0.1 us.
_new: Any = tuple.__new__


class Waiting(NamedTuple):
    """
    A connection that can go to nobody just now.

    @ivar until: When it has waited long enough, in monotonic nanoseconds.
    @ivar first: Its first bytes, if they were looked at; L{None} if that is to be done.
    """

    connection: Handed
    until: int
    first: bytes | None = None


class Gate:
    """
    Where one listener's connections are accepted, and wait until a worker can have them.

    @ivar listener: The listener.
    @ivar lines: Who waits for a worker.
    @ivar isReading: Whether the reactor tells of connections that have come.
    @ivar isResting: Whether the system would not let it accept; until the next look.
    """

    def __init__(
        self, listener: Listener, hall: Hall, came: Callable[[Gate], object]
    ) -> None:
        """
        @param came: Called when connections have come, to L{accept}.
        """
        self.listener = listener
        self.lines: Lines[Waiting] = Lines(waitingPlaces())
        self.isResting = False
        self._hall = hall
        self._hands = hall.hands
        self._roster = hall.hands.roster
        self._users = cast(Users[Hand], listener.users)
        self._asked = chooserFor(listener.policy, hall.nanoseconds)
        self._decision: Decision[Hand, Waiting] = Decision(
            self._users,
            self._asked,
            self.lines,
            hall.places,
            mostOf(hall.places.limits, listener.facts.name),
        )
        self._reader = Reader(
            hall.reactor, listener.fileno, partial(came, self), listener.facts.name
        )
        self.isReading = False
        self._burst = 1
        self._facts = listener.facts
        self._hasBacklog = listener.hasBacklog
        # What the plain way calls for each connection, found once.
        self._choose, self._put = self._asked.choose, hall.hands.give
        self._hasMore = False
        self._retried: dict[int, Waiting] = {}
        self._look = 0
        self._peeker = self._newPeeker()
        self._isPlain = self._peeker is None and not hall.places.limits.any

    def _newPeeker(self) -> Peeker | None:
        policy: Any = self.listener.policy
        if not ILookingPolicy.providedBy(policy) or policy.look is None:
            return None
        self._look = policy.look.limit
        hall = self._hall
        return Peeker(
            hall.reactor, policy.look, policy.enough, self._decide, hall.nanoseconds
        )

    @property
    def pending(self) -> int:
        """
        How many connections are accepted, and not handed over.
        """
        return len(self.lines) + (self._peeker.pending if self._peeker else 0)

    @property
    def mayAccept(self) -> bool:
        """
        Whether what waits in the kernel's backlog is to be accepted.
        """
        if not self._hasBacklog or self.isResting:
            return False
        if self._isPlain and not self.lines.count:
            return bool(self._users.ready(self._roster.version))
        return self._before() is not Way.LEAVE

    @property
    def waits(self) -> bool:
        """
        Whether anybody waits, here or in the kernel's backlog, for workers to take what
        they have.
        """
        return bool(self.lines.count) or (self._hasBacklog and not self.isReading)

    @property
    def isDone(self) -> bool:
        """
        Whether nothing that has come waits, or nobody is there for it.
        """
        isServed = self.isReading and not self.pending and not self._hasMore
        return isServed or not self._users or not self._hasBacklog

    def watch(self, wanted: bool) -> None:
        """
        Accept, or leave connections in the kernel's backlog.
        """
        if wanted != self.isReading and self._hasBacklog:
            self.isReading = wanted
            (self._reader.start if wanted else self._reader.stop)()

    # Accepting

    def accept(self) -> bool:
        """
        Accept what has come, while somebody can take it, and hand it over.

        @return: Whether there may be more.
        """
        roster, lines, ready_ = self._roster, self.lines, self._users.ready
        if roster.full:
            roster.recheck()
        if lines.count:
            # Before newcomers.
            self.serve()
        # As many as came last time, so that accept() seldom has to say that there are
        # no more; the reactor asks again.
        limit = burst = self._burst
        while limit:
            ready = ready_(roster.version)
            isPlain = self._isPlain and ready and not lines.count
            way = Way.GIVE if isPlain else self._before()
            if way is Way.LEAVE:
                break
            try:
                connection = self.listener.accept()
            except OSError as error:
                if not self._goesOnAfter(error):
                    break
            else:
                if isPlain:
                    self._give(connection, ready)
                else:
                    self._receive(connection, way)
            limit -= 1
        self.flush()
        self._burst = max(1, burst - limit) if limit else min(BURST, burst * 2)
        self._hasMore = not limit
        return self._hasMore

    def _goesOnAfter(self, error: OSError) -> bool:
        if isinstance(error, BlockingIOError):
            return False
        if error.errno in BROKEN:
            return True
        # EMFILE and its like: what waits stays in the backlog.
        self._hall.say(self.listener.facts.name, f"cannot accept: {error}")
        self.isResting = True
        return False

    def _before(self) -> Way:
        ready = self._users.ready(self._roster.version)
        way = self._decision.before(ready, self.pending)
        if way is Way.AWAY:
            limits = self._hall.places.limits
            what = f"has all the connections that it may have: {limits.atLimit}"
            self._hall.say(self.listener.facts.name, what)
        return way

    def _give(self, connection: Handed, ready: Sequence[Hand]) -> None:
        """
        Where nothing is limited, or looked at, and nobody waits.
        """
        facts = _new(ConnectionFacts, (self._facts, connection[2], b"", connection[0]))
        chosen = self._choose(facts, ready)
        if chosen is None:
            self.route(connection, b"")
        else:
            self._put(chosen, connection)

    def _receive(self, connection: Handed, way: Way) -> None:
        if way is Way.AWAY or (self._peeker and self._isCrowded(connection)):
            self._turnAway(connection)
        elif self._peeker is not None:
            self._peeker.take(connection)
        else:
            self.route(connection, b"")

    def _isCrowded(self, connection: Handed) -> bool:
        """
        Whether an address has as many connections as it may, with those that are looked
        at.
        """
        places, name = self._hall.places, connection.name
        if places.limits.address is None or not isinstance(name, tuple):
            return False
        address = addressOf(name)
        assert self._peeker is not None
        return places.isCrowded(address, self._peeker.pendingOf(address))

    # Giving

    def route(self, connection: Handed, first: bytes | None) -> None:
        """
        Have a new connection given to somebody, or let it wait, or turn it away.

        @param first: Its first bytes; L{None} if they are to be looked at.
        """
        until = self._hall.nanoseconds() + LONGEST_WAIT
        self._attempt(Waiting(connection, until, first), waited=False)

    def _decide(self, connection: Handed, first: bytes) -> None:
        self.route(connection, first)
        self.flush()

    def serve(self) -> None:
        """
        Have those who wait served, who can be.
        """
        if self.lines.count and self._users.ready(self._roster.version):
            self.lines.serve(self._attempt)
            self.flush()

    def _attempt(self, waiting: Waiting, waited: bool = True) -> bool:
        """
        @param waited: Whether it stands in a line, and is the next there.
        @return: Whether it need not wait there any longer.
        """
        connection = self._registered(waiting.connection)
        if connection is None:
            self._turnAway(waiting.connection)
            return True
        facts = self._factsOf(connection, waiting.first)
        ready = self._users.ready(self._roster.version)
        decided = self._decision.decide(facts, ready, waited)
        if decided.way is Way.AWAY:
            self._turnAway(connection)
        elif decided.member is not None:
            self._retried[connection.fd] = waiting._replace(connection=connection)
            self.lines.passed = self.lines.passed or bool(self.lines and not waited)
            self._hands.give(decided.member, connection)
        elif waited:
            return False
        else:
            first = facts.first if len(facts.first) <= KEPT else None
            self.lines.add(decided.line, waiting._replace(first=first))
        return True

    def _factsOf(self, connection: Handed, first: bytes | None) -> ConnectionFacts:
        if first is None:
            first = peek(connection.fd, self._look) if self._look else b""
        return ConnectionFacts(self.listener.facts, connection.name, first, connection.fd)

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

    def flush(self) -> None:
        """
        Hand over what was given.
        """
        refused = self._hands.flush()
        if refused:
            for connection in reversed(refused):
                self.hold(connection, self._retried.get(connection.fd))
        if self._retried:
            self._retried.clear()

    # Waiting

    def hold(self, connection: Handed, before: Waiting | None = None) -> None:
        """
        Let a connection wait that has been given in vain, before all others in its line.

        @param before: What is known of it already.
        """
        until = self._hall.nanoseconds() + (LONGEST_WAIT >> connection.bounces)
        waiting = before or Waiting(connection, until)
        waiting = waiting._replace(connection=connection)
        line = self._asked.lineOf(self._factsOf(connection, waiting.first))
        self.lines.add(line, waiting, first=True)

    def dismiss(self, now: int) -> None:
        """
        Close what has waited too long.

        @param now: Monotonic nanoseconds.
        """
        late = self.lines.overdue(now)
        for waiting in late:
            self._turnAway(waiting.connection)
        if late:
            what = "connections are closed that have waited 30 s for a worker"
            self._hall.say(self.listener.facts.name, what)

    def settle(self) -> None:
        """
        Wait for first bytes no longer.
        """
        if self._peeker is not None:
            self._peeker.settleAll()

    def _turnAway(self, connection: Handed) -> None:
        if self.lines.isFull:
            what = "too many wait: newer ones are closed"
            self._hall.say(self.listener.facts.name, what)
        self._hall.farewells.turnAway(self.listener, connection)

    def close(self) -> None:
        """
        Close the connections that nobody could be given.
        """
        self.watch(False)
        for waiting in self.lines.clear():
            os.close(waiting.connection.fd)
        if self._peeker is not None:
            self._peeker.close()
