"""
Where one port's connections come in.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any, cast

from twisted_cluster.core.addresses import addressOf
from twisted_cluster.core.decision import Asked, Way
from twisted_cluster.core.napping import Napping
from twisted_cluster.core.users import Users
from twisted_cluster.events import ConnectionFacts, Look
from twisted_cluster.interfaces import ILookingPolicy, ISchedulingPolicy
from twisted_cluster.primary.door.chooser import chooserFor, sharedChooser
from twisted_cluster.primary.door.hall import Hall
from twisted_cluster.primary.door.hands import Hand
from twisted_cluster.primary.door.helm import Helm
from twisted_cluster.primary.door.peeker import Peeker
from twisted_cluster.primary.door.steersman import Steersman
from twisted_cluster.primary.door.tiller import Tiller
from twisted_cluster.primary.door.waiting import WaitingRoom
from twisted_cluster.primary.ports.listener import Listener
from twisted_cluster.wire.handed import Handed
from twisted_cluster.wire.reader import Reader

# The most that are accepted in one turn: other ports are to have theirs.
MOST_ACCEPTED = 32
# A connection was broken before it was accepted; there may be others behind it.
BROKEN = {errno.ECONNABORTED, errno.EPERM, errno.EPROTO, errno.EINTR}
# A tuple's own, without the call in between that a named one makes: 0.1 us.
_new: Any = tuple.__new__


class Gate:
    """
    Accepts one listener's connections, while somebody can have them.

    @ivar listener: The listener.
    @ivar room: Where they are until a worker has them.
    @ivar isReading: Whether the reactor tells of connections that have come.
    @ivar isResting: Whether the system would not let it accept; until the next look.
    @ivar accepted: How many connections it has accepted.
    """

    def __init__(
        self, listener: Listener, hall: Hall, stuck: Callable[[Gate], object]
    ) -> None:
        """
        @param stuck: Called when it has accepted, and may accept no more just now.
        """
        asked = chooserFor(listener.policy, hall.nanoseconds)
        policy: Any = listener.policy
        look = policy.look if ILookingPolicy.providedBy(policy) else None
        self.listener = listener
        self.room = WaitingRoom(listener, hall, asked, look.limit if look else 0)
        self.isReading = False
        self.isResting = False
        self.accepted = 0
        self._places = hall.places
        self._peeker = self._newPeeker(hall, look, policy.enough) if look else None
        self._reader = Reader(
            hall.reactor, listener.fileno, self._turn, listener.facts.name
        )
        self._helm: Steersman[Any] | None = None
        if listener.peers is not None:
            self._helm = Tiller(
                listener, listener.peers, hall, self._relay, self.room.flush
            )
        if listener.streams is not None:
            self._helm = Helm(
                listener, listener.streams, hall, self._gather, self.room.flush
            )
        self._burst = 1
        self._nap = hall.nap
        self._napping = Napping(hall.nap.isPossible)
        self._isAsleep = False
        self._hasMore = False
        self._hasBacklog = listener.hasBacklog
        # The plain way, and what it calls for each connection.
        self._isPlain = self._peeker is None and not hall.places.limits.any
        self._facts = listener.facts
        self._lines = self.room.lines
        self._roster = hall.hands.roster
        self._users = cast(Users[Hand], listener.users)
        self._choose, self._touched = asked.choose, hall.hands.touched
        self._stuck = stuck
        self._nanoseconds = hall.nanoseconds

    def share(
        self, generation: int, part: float, another: ISchedulingPolicy | None
    ) -> None:
        """
        A generation's workers are to have this part of all connections.

        @param another: A policy of the same kind, for them alone.
        """
        policy, now = self.listener.policy, self._nanoseconds
        self._ask(sharedChooser(policy, another, now, generation, part))
        if self._helm is not None:
            self._helm.share(generation, part)

    def shareAlike(self) -> None:
        """
        All workers are alike.
        """
        self._ask(chooserFor(self.listener.policy, self._nanoseconds))
        if self._helm is not None:
            self._helm.share(0, None)

    def _ask(self, asked: Asked[Hand]) -> None:
        self._choose = asked.choose
        self.room.ask(asked)

    def _newPeeker(
        self, hall: Hall, look: Look, enough: Callable[[bytes], bool]
    ) -> Peeker:
        route, flush = self.room.route, self.room.flush
        return Peeker(hall.reactor, look, enough, route, flush, hall.nanoseconds)

    @property
    def pending(self) -> int:
        """
        How many connections are accepted, and not handed over.
        """
        return self._lines.count + (self._peeker.pending if self._peeker else 0)

    @property
    def arrived(self) -> int:
        """
        How many connections have been accepted, here or by workers.
        """
        return self.accepted + (0 if self._helm is None else self._helm.accepted)

    @property
    def mayAccept(self) -> bool:
        """
        Whether what waits in the kernel's backlog is to be accepted.
        """
        if not self._hasBacklog or self.isResting:
            return False
        if self._isPlain and not self._lines.count:
            return bool(self._users.ready(self._roster.version))
        return self.room.before(self.pending) is not Way.LEAVE

    @property
    def waits(self) -> bool:
        """
        Whether anybody waits, here or in the kernel's backlog, for workers to take what
        they have.
        """
        return bool(self._lines.count) or (self._hasBacklog and not self.isReading)

    @property
    def isDone(self) -> bool:
        """
        Whether nothing that has come waits, or nobody is there for it.
        """
        if not self._users:
            return True
        if not self._hasBacklog:
            return not self.pending
        if self._helm is not None and self._helm.isBusy:
            return False
        return self.isReading and not self.pending and not self._hasMore

    def watch(self, wanted: bool) -> None:
        """
        Accept, or leave connections in the kernel's backlog.
        """
        if wanted != self.isReading:
            self.isReading = wanted
            (self._reader.start if wanted else self._reader.stop)()
            if self._isAsleep:
                self._isAsleep = False
                self._nap.leave(self._wake)
            if self._helm is not None:
                self._helm.watch(wanted)

    def steer(self) -> None:
        """
        Who can take a connection may have changed: where the kernel chooses, it is told.
        """
        if self._helm is not None:
            self._helm.steer()

    def look(self) -> None:
        """
        To be called some 20 times a second.
        """
        self.isResting = False
        if self._helm is not None:
            self._helm.look()

    def _gather(self, connection: Handed) -> None:
        self.accepted += 1
        self._receive(connection, Way.GIVE)

    def _relay(self, datagrams: Handed) -> None:
        self.room.route(datagrams, b"")

    def _turn(self) -> None:
        """
        Accept what has come; where the last turns have found several, the next one is
        put off a little, to find more.
        """
        accepted = self.accepted
        self.accept()
        nap = self._napping.turn(self._nanoseconds(), self.accepted - accepted)
        if nap and self.isReading and not self._hasMore:
            self._isAsleep = True
            self._reader.stop()
            self._nap.sleep(self._wake, nap)

    def _wake(self) -> None:
        if not self._isAsleep:
            # Another one that was woken has had it closed.
            return
        self._isAsleep = False
        # All that have come: the reactor does not ask again.
        self._burst = MOST_ACCEPTED
        self._reader.doRead()
        if self.isReading and not self._isAsleep:
            self._reader.start()

    def accept(self) -> bool:
        """
        Accept what has come, while somebody can take it, and hand it over.

        @return: Whether there may be more.
        """
        lines = self._lines
        if self._roster.full or lines.count:
            self._serveWaiting()
        # As many as came last time, so that accept() seldom has to say that there are
        # no more; the reactor asks again.
        burst = self._burst
        isPlain = self._isPlain and not lines.count
        left = self._acceptPlainly(burst) if isPlain else self._acceptEach(burst)
        self.room.flush()
        self.accepted += burst - left
        self._burst = max(1, burst - left) if left else MOST_ACCEPTED
        self._hasMore = not left
        if not self.mayAccept:
            self._stuck(self)
        return self._hasMore

    def _acceptPlainly(self, limit: int) -> int:
        """
        Accept where nothing is limited, or looked at, and nobody waits.

        @return: How many fewer have come.
        """
        roster, lines, accept = self._roster, self._lines, self.listener.accept
        facts, choose, touch = self._facts, self._choose, self._touched.add
        number, version = facts.number, -1
        while limit:
            if roster.version != version:
                version = roster.version
                ready = self._users.ready(version)
                if not ready:
                    return self._acceptEach(limit)
            try:
                fd, name = accept()
            except OSError as error:
                if not self._goesOnAfter(error):
                    return limit
            else:
                chosen = choose(_new(ConnectionFacts, (facts, name, b"", fd)), ready)
                if chosen is None:
                    self.room.route(Handed(fd, number, name), b"")
                    if lines.count:
                        return self._acceptEach(limit - 1)
                else:
                    # As Hands.give() does, which would be one call more for each.
                    touch(chosen)
                    if not chosen.putNew(fd, number, name):
                        roster.note(chosen)
            limit -= 1
        return 0

    def _acceptEach(self, limit: int) -> int:
        """
        Accept where more has to be known.

        @return: How many fewer have come.
        """
        accept, number = self.listener.accept, self._facts.number
        while limit:
            way = self.room.before(self.pending)
            if way is Way.LEAVE:
                return limit
            try:
                fd, name = accept()
            except OSError as error:
                if not self._goesOnAfter(error):
                    return limit
            else:
                self._receive(Handed(fd, number, name), way)
            limit -= 1
        return 0

    def _serveWaiting(self) -> None:
        """
        Who waits is served before newcomers.
        """
        if self._roster.full:
            self._roster.recheck()
        if self._lines.count:
            self.room.serve()

    def settle(self) -> None:
        """
        Wait for first bytes no longer.
        """
        if self._peeker is not None:
            self._peeker.settleAll()

    def follow(self, other: Gate) -> None:
        """
        Take the place of another gate of the same port, which is closed.
        """
        other.settle()
        self.accepted = other.accepted
        self.room.refused = other.room.refused
        self.room.take(other.room)
        if isinstance(self._helm, Helm) and isinstance(other._helm, Helm):
            self._helm.follow(other._helm)
        other.close()

    def close(self) -> None:
        """
        Close the connections that nobody could be given.
        """
        self.watch(False)
        self.room.close()
        if self._peeker is not None:
            self._peeker.close()
        if self._helm is not None:
            self._helm.close()

    def _goesOnAfter(self, error: OSError) -> bool:
        if type(error) is BlockingIOError:
            return False
        if error.errno in BROKEN:
            return True
        if error.errno == errno.EINVAL and self.listener.isRefusing:
            # All are in who have come.
            self._hasBacklog = False
            return False
        # EMFILE and its like: what waits stays in the backlog.
        self.room.say(f"cannot accept: {error}")
        self.isResting = True
        return False

    def _receive(self, connection: Handed, way: Way) -> None:
        if way is Way.AWAY or self._isCrowded(connection):
            self.room.turnAway(connection)
        elif self._peeker is not None:
            self._peeker.take(connection)
        else:
            self.room.route(connection, b"")

    def _isCrowded(self, connection: Handed) -> bool:
        """
        Whether an address has as many connections as it may, with those that are looked
        at.
        """
        peeker, name = self._peeker, connection.name
        if self._places.limits.address is None or not isinstance(name, tuple):
            return False
        address = addressOf(name)
        looked = 0 if peeker is None else peeker.pendingOf(address)
        return self._places.isCrowded(address, looked)
