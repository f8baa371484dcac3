"""
All ports' gates, and the workers behind them.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Sequence

from twisted_cluster.core.complaints import Complaints
from twisted_cluster.core.counting import Places
from twisted_cluster.core.decision import Shares
from twisted_cluster.core.member import RESERVE, Member
from twisted_cluster.core.roster import Roster
from twisted_cluster.errors import MessageError
from twisted_cluster.events import NO_LIMITS, Limits
from twisted_cluster.interfaces import ISchedulingPolicy
from twisted_cluster.primary.door.farewells import Farewells
from twisted_cluster.primary.door.gate import Gate
from twisted_cluster.primary.door.hall import Hall
from twisted_cluster.primary.door.hands import Hand, Hands
from twisted_cluster.primary.door.nap import Nap
from twisted_cluster.primary.door.relief import Relief
from twisted_cluster.primary.door.returned import firstBytes, identified
from twisted_cluster.primary.ports.listener import Listener
from twisted_cluster.reactors import IPollingReactor
from twisted_cluster.wire.handed import Handed
from twisted_cluster.wire.handoff import letGo

# So many workers may send a connection back before it is given up.
BOUNCES = 3
# The same where workers accept as well: who has had room is full by then now and then.
MORE_BOUNCES = 12
# The most turns of one port when its backlog is emptied: as much as the system lets wait.
MOST_TURNS = 128
RAISE = "raise the limit (ulimit -n)"
NONE_FREE = "what it does not take stays with it: no descriptors are free to take it back"


class Door:
    """
    Gives every connection to a worker that can take it, or leaves it in the kernel.

    Undelivered connections are few per worker; a worker whose heartbeat is stale is
    not offered any, nor one that does not take what it was handed, as long as there are
    others; what it has not taken is taken back as soon as another can have it; when
    nobody can take more, nothing more is accepted. A loyal policy's connections stay
    with a worker until it is gone, and those of a group in the group.

    @ivar gates: Those of the ports, by number, in the order in which they are next.
    """

    def __init__(
        self,
        reactor: IPollingReactor,
        nanoseconds: Callable[[], int],
        limits: Limits = NO_LIMITS,
    ) -> None:
        """
        @param nanoseconds: The monotonic clock.
        """
        self._reactor = reactor
        self._now = nanoseconds
        self._roster: Roster[Hand] = Roster(limits.any)
        self._relief = Relief(reactor, nanoseconds, self._roster, self._relieve)
        self._hands = hands = Hands(self._roster, self._relief.watch)
        complaints = Complaints(nanoseconds)
        self._farewells = Farewells(reactor, limits.atLimit, complaints)
        nap = Nap(reactor)
        self._hall = Hall(
            reactor, nanoseconds, hands, Places(limits), self._farewells, complaints, nap
        )
        self.gates: dict[int, Gate] = {}
        # Done to each gate, as long as workers are not alike.
        self._share: Callable[[Gate], None] | None = None

    # Workers

    def enter(self, hand: Hand) -> None:
        """
        A worker may be offered connections, once its heart beats.
        """
        if hand.reserve < RESERVE:
            what = f"descriptors are few: workers keep {hand.reserve} to themselves"
            self._hall.say("the limit", f"{what}; {RAISE}")
        self._roster.enter(hand)
        if hand.tally is not None:
            self._hall.places.tallies[hand.id] = hand.tally
        self.look()

    def withdraw(self, hand: Hand) -> None:
        """
        A worker is to be given nothing for now, until it enters once more. What it has
        not taken others get, as far as it can be taken back.
        """
        self._roster.leave(hand)
        if hand.queue.mayTakeBack():
            self.redirect(hand.takeBack(), hand)
        else:
            self._hall.say(f"worker {hand.number}", NONE_FREE)
            self.changed()

    def leave(self, hand: Hand) -> None:
        """
        A worker is to be given nothing more. What it has not taken stays with it.
        """
        self._roster.leave(hand)
        self.changed()

    def forget(self, hand: Hand) -> None:
        """
        A worker is gone, and with it what it served.
        """
        self._hall.places.tallies.pop(hand.id, None)
        self.leave(hand)

    def share(
        self,
        generation: int,
        part: float | None,
        newPolicy: Callable[[], ISchedulingPolicy | None],
    ) -> None:
        """
        A generation's workers are to have so much of all connections.

        @param part: 0.0 to 1.0; L{None}: as much as comes to them, like to all.
        @param newPolicy: Makes one for them alone.
        """
        self._share = None
        if part is not None:
            self._share = lambda gate: gate.share(generation, part, newPolicy())
        for gate in self.gates.values():
            (self._share or Gate.shareAlike)(gate)
        self.changed()

    # Ports

    def opened(self, listener: Listener) -> None:
        """
        Watch a port.
        """
        gate = Gate(listener, self._hall, self._letOthersGoFirst)
        try:
            if self._share is not None:
                self._share(gate)
        except BaseException:
            gate.close()
            raise
        self.gates[listener.number] = gate

    def closing(self, listener: Listener) -> None:
        """
        Stop watching a port, and close what nobody could be given.
        """
        gate = self.gates.pop(listener.number, None)
        if gate is not None:
            gate.close()

    def rechosen(self, listener: Listener) -> None:
        """
        A port has another policy.
        """
        before = self.gates[listener.number]
        # First: the reactor knows one reader of a descriptor.
        before.watch(False)
        try:
            self.opened(listener)
            self.gates[listener.number].follow(before)
        finally:
            self.changed()

    def returned(self, hand: Hand, connections: Sequence[Handed]) -> None:
        """
        A worker sends connections back. What it says of them, but for their numbers, is
        nothing to go by.

        @raise MessageError: If it was not handed one of them: then all are closed.
        """
        left = []
        for connection in identified(hand.given, self._socketOf, connections):
            gate = self.gates.get(connection.listener)
            if gate is not None and gate.room.lines.isFull:
                gate.room.turnAway(connection)
            else:
                left.append(connection)
        self.redirect(left, hand)

    def _socketOf(self, number: int) -> socket.socket | None:
        gate = self.gates.get(number)
        return None if gate is None else gate.listener.socket

    def recall(self, member: Member, number: int) -> bool:
        """
        Take back what a worker has not taken of a listener, and give it to others.

        @return: Whether nothing is left with it; no worker reads while it is told that
            it has left.
        """
        hand = self._roster.members.get(member.id)
        if hand is None or not hand.queue.mayTakeBack():
            return not member.queued
        moving = []
        for connection in hand.takeBack():
            if connection.listener == number:
                moving.append(connection)
            else:
                self._hands.give(hand, connection)
        self.redirect([*moving, *self._hands.flush()], hand)
        return True

    def redirect(self, connections: Iterable[Handed], hand: Hand | None = None) -> None:
        """
        Find other workers for connections that came back.

        @param hand: Who may have them still.
        """
        whole = list(connections)
        looks = self._lookAt(whole, hand)
        for connection in reversed(whole):
            gate = self.gates.get(connection.listener)
            most = MORE_BOUNCES if _isSteered(gate) else BOUNCES
            if gate is not None and connection.bounces < most:
                gate.room.hold(connection, first=looks.get(connection.fd))
                continue
            letGo(connection)
            if gate is not None:
                gate.room.refused += 1
                gate.room.say(f"connections are closed that {most} workers sent back")
        self.changed()

    def _lookAt(
        self, connections: Sequence[Handed], hand: Hand | None
    ) -> dict[int, bytes]:
        """
        @return: The first bytes of those that are looked at, by descriptor.
        """
        looks: dict[int, bytes] = {}
        byNumber: dict[int, list[int]] = {}
        for connection in connections:
            byNumber.setdefault(connection.listener, []).append(connection.fd)
        for number, fds in byNumber.items():
            gate = self.gates.get(number)
            if gate is None or not gate.room.limit:
                continue
            try:
                looks.update(zip(fds, firstBytes(fds, gate.room.limit)))
            except MessageError as error:
                if hand is not None:
                    hand.accuse(error)
        return looks

    def drainBacklogs(self) -> bool:
        """
        Hand over what the kernel has queued already, before the ports are closed.

        @return: Whether that is all: L{False} if there is more, or workers have no room
            for it now.
        """
        for gate in list(self.gates.values()):
            gate.settle()
            for _ in range(MOST_TURNS):
                if not gate.isReading or not gate.accept():
                    break
        return all(gate.isDone for gate in self.gates.values())

    # What changes

    def look(self) -> None:
        """
        Look at every worker's heartbeat; to be called some 20 times a second.
        """
        now = self._now()
        behind = self._roster.look(now)
        for gate in self.gates.values():
            gate.room.dismiss(now)
            gate.look()
        self._hall.nap.look()
        self._tellShort(now)
        self._relieve(behind)

    def changed(self) -> None:
        """
        Something about a worker has changed: give it what is held, accept or pause.
        """
        self._roster.changed()
        self._serve(list(self.gates.values()))
        if self._roster.recheck():
            self._serve(list(self.gates.values()))

    def rest(self) -> None:
        """
        There are no workers: look for nothing.
        """
        self._relief.rest()
        self._farewells.close()
        self._hall.nap.close()

    def _letOthersGoFirst(self, gate: Gate) -> None:
        """
        A gate may accept no more: when there is room again, it is the last to have it.
        """
        number = gate.listener.number
        if self.gates.pop(number, None) is gate:
            self.gates[number] = gate
        self.changed()

    def _tellShort(self, now: int) -> None:
        for hand in self._roster.members.values():
            if hand.short and hand.isAlive(now):
                left = hand.headroom
                what = f"short of descriptors, {left} left: given nothing; {RAISE}"
                self._hall.say(f"worker {hand.number}", what)

    def _relieve(self, behind: Iterable[Hand]) -> None:
        """
        Give to others what workers do not take.
        """
        for hand in behind:
            self._takeBack(hand, Shares(self._roster, hand))
        self.changed()

    def _takeBack(self, hand: Hand, shares: Shares[Hand]) -> None:
        gates = [gate for gate in self.gates.values() if gate.listener.hasBacklog]
        if not shares or not any(shares.mayTake(gate.listener.users) for gate in gates):
            return
        if not hand.queue.mayTakeBack():
            # The worker may go on; else there may be some at the next look.
            self._hall.say(f"worker {hand.number}", NONE_FREE)
            return
        moving = []
        for connection in hand.takeBack():
            gate = self.gates.get(connection.listener)
            if gate is None or shares.take(gate.listener.users):
                moving.append(connection)
            else:
                self._hands.give(hand, connection)
        self.redirect([*moving, *self._hands.flush()], hand)

    def joined(self, listener: Listener) -> None:
        """
        Who serves a listener has changed: to the others' that is nothing.
        """
        gate = self.gates.get(listener.number)
        self._serve([] if gate is None else [gate])

    def _serve(self, gates: Iterable[Gate]) -> None:
        for gate in gates:
            gate.room.serve()
            gate.watch(gate.mayAccept)
            gate.steer()
        self._roster.listen(any(gate.waits for gate in self.gates.values()))


def _isSteered(gate: Gate | None) -> bool:
    return gate is not None and gate.listener.streams is not None
