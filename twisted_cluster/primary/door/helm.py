"""
A port whose workers accept themselves, each from a socket of its own: the kernel is told
who can, and what lies at the sockets of those who cannot others get.
"""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from twisted_cluster.core.progress import Progress
from twisted_cluster.errors import MessageError
from twisted_cluster.interfaces import ILoyalPolicy
from twisted_cluster.primary.door.hall import Hall
from twisted_cluster.primary.door.hands import Hand
from twisted_cluster.primary.door.steersman import Steersman
from twisted_cluster.primary.ports.listener import Listener
from twisted_cluster.primary.ports.refusing import hasWaiting
from twisted_cluster.primary.ports.streams import StreamGroup
from twisted_cluster.wire.aside import Aside
from twisted_cluster.wire.closing import discard
from twisted_cluster.wire.handed import Handed

log = Logger()
# So many are taken from a socket at a time.
MOST_TAKEN = 32
# Seconds that this is waited for, which takes some 50 us; and to the next look at what
# takes longer.
AT_ONCE = 0.002
LOOK = 0.01
# And to the next look at who accepts what waits for it: on a busy machine it takes that
# long until one's turn is there.
GLANCE = 0.02
# Of how many turns a share is.
WHOLE = 1000
# What is no want of anything: another was faster, or it is broken, or closed by now.
QUIET = {errno.EAGAIN, errno.EINVAL, errno.EBADF, None}
# After so many somebody keeps it locked.
LOCKED = 1.0


class Helm(Steersman[StreamGroup]):
    """
    Knows who of a listener's workers can accept.
    """

    def __init__(
        self,
        listener: Listener,
        group: StreamGroup,
        hall: Hall,
        give: Callable[[Handed], None],
        flush: Callable[[], None],
    ) -> None:
        super().__init__(listener, group, hall, give, flush)
        self._taking: dict[socket.socket, Aside[list[Handed]]] = {}
        self._isWanted = False
        self._looking: IDelayedCall | None = None
        self._glancing: IDelayedCall | None = None
        self._wasFull = False
        self._share: tuple[int, float] | None = None
        # Whether the primary alone can give a generation its part.
        self._isByHand = False
        # Who was there at the last look.
        self._seen: set[Hand] = set()

    @property
    def isBusy(self) -> bool:
        return bool(self._taking)

    @property
    def accepted(self) -> int:
        number = self._listener.number
        said = {hand.id: hand.acceptedBy(number) for hand in self._users}
        return self._group.count(said)

    def _serve(self) -> None:
        isSteering = self._group.isSteering and not self._isByHand
        ready = self._ready if isSteering else ()
        weights = {hand.id: hand.weight for hand in ready}
        shares = self._shares(ready)
        self._group.serve(shares or weights, bool(shares))

    def share(self, generation: int, part: float | None) -> None:
        policy, isShared = self._listener.policy, part is not None
        # Third parties' may be older than the question.
        isEven = getattr(policy, "sharesByTurns", False)
        self._share = (generation, part) if isEven and part is not None else None
        # Clients that the primary does not know would all be others'.
        isLoyal = ILoyalPolicy.providedBy(policy)
        self._isByHand = isShared and not (isEven or isLoyal)

    def _shares(self, ready: Sequence[Hand]) -> dict[int, int]:
        """
        @return: What each is to have where one generation is to have its part.
        """
        if self._share is None:
            return {}
        generation, part = self._share
        ours = [hand for hand in ready if hand.generation == generation]
        others = [hand for hand in ready if hand.generation != generation]
        if not ours or not others:
            return {}
        return {**_divided(ours, part), **_divided(others, 1 - part)}

    def look(self) -> None:
        super().look()
        if self._glancing is None:
            # Two looks in a row say nothing, unless there is time in between.
            self._glance()
        self._tell(self._reckon)

    def _reckon(self) -> None:
        number = self._listener.number
        before, self._seen = self._seen, set(self._users)
        # First: what is closed from now on is served still, or is closed twice for 50 ms.
        self._group.noteClosings()
        done = {one.id: (one.active, one.acceptedBy(number)) for one in self._seen}
        for hand in before - self._seen:
            hand.ports.pop(number, None)
        self._group.reckon(done, self._hall.nanoseconds() / 1e9)

    # Who accepts

    def _glance(self) -> None:
        """
        See whether workers accept what waits for them; while something does, soon again.
        """
        full = self._group.full()
        if not full and not self._wasFull:
            return
        self._wasFull = bool(full)
        number, now, changed = self._listener.number, self._hall.nanoseconds(), False
        for hand in self._users:
            accepted, isOwed = hand.acceptedBy(number), hand.id in full
            progress = hand.ports.setdefault(number, Progress(accepted))
            beat = hand.page.heartbeat
            changed |= progress.glance(now, accepted, int(isOwed), beat)
            self._wasFull |= progress.isStalled
        if changed:
            self._users.reconsider()
            self.steer()
        if self._wasFull and self._glancing is None:
            self._glancing = self._hall.reactor.callLater(GLANCE, self._glanceAgain)

    def _glanceAgain(self) -> None:
        self._glancing = None
        self._glance()

    def watch(self, wanted: bool) -> None:
        self._isWanted = wanted
        self._watch()

    @property
    def _isTaking(self) -> bool:
        return self._isWanted

    def _take(self) -> None:
        begun: list[socket.socket] = []
        for member in self._group.waiting():
            # Whoever has it as well may keep it locked, or let it block.
            number = self._listener.number
            try:
                self._group.unblock(member)
                self._taking[member] = Aside(partial(_accepted, member, number))
            except RuntimeError:
                # No thread can be had: at the next look.
                self._isResting = True
            else:
                self._group.unaccepted.hold(member, True)
                begun.append(member)
        if not begun:
            # What it is told of is nothing to take: it would be told again at once.
            self._isResting = True
        self._gather(begun, AT_ONCE)
        self._watch()

    def _gather(self, members: Sequence[socket.socket], within: float = 0.0) -> None:
        """
        Give what was taken.
        """
        found: list[Handed] = []
        done = [one for one in members if self._taking[one].isDone(within)]
        for member in done:
            taken = self._taken(self._taking.pop(member))
            self._group.took(member, len(taken))
            self._group.unaccepted.hold(member, False)
            found += taken
        if done and not found:
            # Its own worker has been faster; or nobody can accept, for want of numbers.
            self._isResting = True
        for connection in found:
            self._give(connection)
        self._flush()
        self._accuse()
        if self._taking and self._looking is None:
            self._looking = self._hall.reactor.callLater(LOOK, self._lookAgain)

    def _taken(self, aside: Aside[list[Handed]]) -> list[Handed]:
        try:
            return aside.result()
        except (OSError, ValueError) as error:
            if getattr(error, "errno", None) not in QUIET:
                self._say(f"cannot accept: {error}")
            return []

    def _accuse(self) -> None:
        """
        Who keeps a socket locked must go, before what lies there can be had.
        """
        for member, aside in self._taking.items():
            if time.monotonic() - aside.begun < LOCKED or not aside.isAsleep():
                continue
            ids = self._group.whoHas(member)
            for hand in [one for one in self._users if one.id in ids]:
                hand.accuse(MessageError(f"it keeps {self._place} locked"))

    @property
    def _place(self) -> str:
        return f"its socket of {self._listener.place}"

    def _lookAgain(self) -> None:
        self._looking = None
        self._gather(list(self._taking))
        self._watch()

    def follow(self, other: Helm) -> None:
        """
        Give what is taken for another, which is closed.
        """
        self._taking, other._taking = other._taking, {}
        if self._taking:
            self._looking = self._hall.reactor.callLater(LOOK, self._lookAgain)

    def close(self) -> None:
        self._isWanted = False
        super().close()
        for call in (self._looking, self._glancing):
            if call is not None:
                call.cancel()
        self._looking = self._glancing = None
        for hand in self._seen:
            hand.ports.pop(self._listener.number, None)
        for aside in self._taking.values():
            if not aside.leave(_discard):
                _discard(self._taken(aside))
        self._taking.clear()


def _divided(hands: Sequence[Hand], part: float) -> dict[int, int]:
    total = sum(hand.weight for hand in hands) or 1
    return {hand.id: round(WHOLE * part * hand.weight / total) for hand in hands}


def _accepted(listening: socket.socket, number: int) -> list[Handed]:
    """
    @raise OSError: As accept(2) says, if nobody was accepted.
    @raise ValueError: If the socket is closed, likewise.
    """
    found: list[Handed] = []
    try:
        while len(found) < MOST_TAKEN and hasWaiting(listening):
            with suppress(ConnectionAbortedError):
                fd, name = listening._accept()  # type: ignore[attr-defined]
                found.append(Handed(fd, number, name))
    except (OSError, ValueError):
        if not found:
            raise
    return found


def _discard(connections: list[Handed]) -> None:
    discard([one.fd for one in connections])
