"""
One port as many sockets that are made all at once, among which a program chooses.
"""

from __future__ import annotations

import errno
import socket
from abc import abstractmethod
from collections import Counter, deque
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from functools import partial

from twisted_cluster.interfaces import IKernelPrograms
from twisted_cluster.primary.ports.group import SocketGroup
from twisted_cluster.primary.ports.soundness import SHUT_DOWN, Soundness
from twisted_cluster.primary.ports.steered import MOST_PLACES, Steering
from twisted_cluster.primary.ports.steered_extended import COUNTED
from twisted_cluster.primary.ports.steering import steer
from twisted_cluster.primary.ports.unaccepted import Unaccepted
from twisted_cluster.steering.places import Place
from twisted_cluster.wire.aside import Aside
from twisted_cluster.wire.user import User

# So many sockets at least are made in advance, and so many for each worker that there may
# be: a slot is given another when its own was broken.
LEAST, EACH = 16, 2
# Descriptors beside those sockets: the first one, the guard, two that tell who waits; and
# of a program at most.
BESIDE, PROGRAM = 4, 8
# Seconds that it is waited for that a socket is taken out, which takes some 50 us.
AT_ONCE = 0.01


def placesFor(workers: int) -> int:
    """
    How many sockets are reserved, so that no more have to be bound later on.

    @param workers: How many there may be.
    """
    return min(MOST_PLACES, max(LEAST, EACH * workers))


def descriptorsFor(places: int, readsLoads: bool = False) -> int:
    """
    How many descriptors a reserve takes at most.

    @param readsLoads: Whether what workers close is counted, where each has two more, of
        as many as that is made for at a time.
    """
    counted = -(-places // COUNTED) * COUNTED if readsLoads else 0
    return places + 2 * min(counted, MOST_PLACES) + BESIDE + PROGRAM


class Reserve(SocketGroup):
    """
    Whose sockets are made all at once: none is closed as long as the port is open. Those
    that nobody is chosen for the primary empties. While a slot has two workers each has a
    socket.

    @ivar members: By the id of the worker that has it.
    @ivar kind: What kind of program chooses.
    @ivar instead: Why it is not a better one, if there is one.
    @ivar unaccepted: Tells which of those are not empty.
    """

    def __init__(
        self,
        first: socket.socket,
        programs: IKernelPrograms,
        places: int,
        user: User | None = None,
    ) -> None:
        """
        @param first: Bound, first of its group, and stays the primary's.
        @param programs: Of which one chooses.
        @param places: How many sockets workers may have.
        @param user: Whose the first one is.
        @raise CannotSteerError: If there is no such program here.
        @raise OSError: If one of the sockets cannot be made.
        """
        super().__init__(first, user)
        # First, for it needs no closing.
        self.unaccepted = Unaccepted()
        self._first = first
        self._indices: dict[socket.socket, int] = {}
        self._chosen: dict[int, int] = {}
        self._leaving: frozenset[int] = frozenset()
        # Whether the system would not have the last program.
        self._isRefused = False
        self._byWeight = False
        self._count = 0
        # Places of those that were broken.
        self._vacant: list[int] = []
        self._free: deque[socket.socket] = deque()
        # Those whose workers are gone, for the next one in the slot.
        self._kept: dict[int, socket.socket] = {}
        self._slots: dict[int, int] = {}
        self._retiring: dict[int, Aside[None]] = {}
        self._isEnding = False
        self._steering = self._newSteering(programs, self._anchored())
        self.kind = self._steering.kind
        self.instead = self._steering.instead
        try:
            for _ in range(places):
                self._free.append(super()._makeAnother())
            self._shut()
        except BaseException:
            self.close()
            raise

    def _newSteering(self, programs: IKernelPrograms, anchor: socket.socket) -> Steering:
        return steer(programs, anchor)

    @abstractmethod
    def _anchored(self) -> socket.socket:
        """
        @return: The socket by which programs are attached, alone in its group so far.
        @raise OSError: If there is none.
        """

    @abstractmethod
    def _shut(self) -> None:
        """
        Let no other process of this user be bound beside it.
        """

    @abstractmethod
    def _open(self) -> None:
        """
        Let this user's sockets be bound.
        """

    @property
    def sockets(self) -> Sequence[socket.socket]:
        return list(self._indices)

    @property
    def descriptors(self) -> int:
        sockets = len(self._indices) + len(self._retiring)
        return sockets + self._steering.descriptors + BESIDE

    def _makeAnother(self) -> socket.socket:
        self._open()
        try:
            return super()._makeAnother()
        finally:
            self._shut()

    def _begin(self, made: socket.socket) -> None:
        index = self._vacant[-1] if self._vacant else self._count
        self._steering.add(index, made)
        self._sound[made] = self._newSoundness(made)
        self.unaccepted.add(made)
        self._indices[made] = index
        if self._vacant:
            self._vacant.pop()
        else:
            self._count += 1

    def _newSoundness(self, made: socket.socket) -> Soundness:
        return Soundness(made)

    @property
    def unused(self) -> list[int]:
        return list(self._kept)

    def socketOf(self, slot: int, worker: int) -> socket.socket:
        if worker not in self.members:
            made = self._kept.pop(slot, None)
            if made is None or not self._isSound(made):
                if made is not None:
                    self._giveUp(made)
                made = self._another()
            self.members[worker] = made
            self._slots[worker] = slot
        self._had[self.members[worker]].add(worker)
        return self.members[worker]

    def forget(self, slot: int, worker: int) -> None:
        member = self.members.pop(worker, None)
        self._slots.pop(worker, None)
        if member is None or member in self.members.values():
            return
        if slot in self._kept:
            self._free.append(member)
        else:
            self._kept[slot] = member

    def remove(self, slot: int, worker: int | None = None) -> None:
        if worker is not None:
            self.forget(slot, worker)
        if slot not in self._slots.values() and slot in self._kept:
            # It is emptied, and may be another's.
            self._free.append(self._kept.pop(slot))

    def _another(self) -> socket.socket:
        while self._free or self._kept:
            slot = next(iter(self._kept), 0)
            found = self._free.popleft() if self._free else self._kept.pop(slot)
            # What a worker that had it has started may have it still.
            if found not in self._had or self._isSound(found):
                return found
            self._giveUp(found)
        if self._vacant or self._count < MOST_PLACES:
            with suppress(OSError):
                return self._makeAnother()
        # There may be more workers than places: then some have one together.
        return self._leastUsed()

    def _leastUsed(self) -> socket.socket:
        used = Counter(self.members.values())
        if not used:
            raise OSError(errno.EMFILE, "no socket is left for a worker")
        return min(used, key=used.__getitem__)

    # Who is chosen

    def serve(
        self,
        weights: Mapping[int, int],
        byWeight: bool = False,
        leaving: Collection[int] = (),
    ) -> None:
        """
        Have only these be chosen, from now on.

        @param weights: What share each is to have, against others', by the worker's id.
        @param byWeight: Whether the policy need not look at that.
        @param leaving: The ids of others, which keep who is theirs, where the program
            remembers that.
        @raise OSError: If the system does not take the program.
        """
        chosen: Counter[int] = Counter()
        for worker, weight in weights.items():
            member = self.members.get(worker)
            if member in self._indices:
                chosen[self._indices[member]] += weight
        all = [self.members.get(worker) for worker in leaving]
        left = frozenset(self._indices[one] for one in all if one in self._indices)
        self._choose(dict(chosen), byWeight, left - chosen.keys())

    def _choose(
        self, chosen: dict[int, int], byWeight: bool, leaving: frozenset[int]
    ) -> None:
        before = self._chosen, self._byWeight, self._leaving
        if before == (chosen, byWeight, leaving) and not self._isRefused:
            return
        self._chosen, self._byWeight, self._leaving = chosen, byWeight, leaving
        # Whatever the kernel goes on with: who is not to be chosen takes nothing.
        for member, index in self._indices.items():
            self.unaccepted.serve(member, index in chosen or index in leaving)
        self._allow()

    def _allow(self) -> None:
        chosen = {} if self._isEnding else self._chosen
        places = [Place(*place) for place in sorted(chosen.items())]
        self._isRefused = True
        self._steering.allow(places, self._byWeight, self._leaving)
        self._isRefused = False

    def end(self) -> None:
        """
        Have nobody be chosen any more, whoever is to be served: who comes waits at the
        anchor.
        """
        self._isEnding = True
        with suppress(OSError):
            self._allow()

    def attach(self) -> None:
        """
        Have the program choose, if somebody has detached it, or the system would not have
        it.
        """
        self._steering.attach()
        if self._isRefused:
            self._allow()

    # Who waits

    def waiting(self) -> list[socket.socket]:
        """
        Sockets that are not empty, although nobody takes what is in them.
        """
        return self.unaccepted.among(self._indices)

    def whoHas(self, member: socket.socket) -> set[int]:
        """
        The ids of workers that have a socket.
        """
        return {id for id, one in self.members.items() if one is member}

    def unblock(self, member: socket.socket) -> None:
        """
        Let nobody wait for a socket.
        """
        if member in self._sound:
            self._sound[member].unblock()

    # What is done to them

    def look(self, isServer: bool = False) -> dict[int, set[int]]:
        """
        What is broken is nobody's any more.
        """
        for index, retiring in list(self._retiring.items()):
            if retiring.isDone():
                del self._retiring[index]
                self._vacate(index)
        broken: dict[int, set[int]] = {}
        for worker, had in super().look(isServer).items():
            lost = self.members.get(worker)
            if lost is None:
                # Of those who have one together it is said once.
                continue
            for each in self.whoHas(lost):
                broken.setdefault(self._slots.pop(each), set()).update(had)
                del self.members[each]
            self._giveUp(lost)
        self._lookAtIdle()
        return broken

    def _lookAtIdle(self) -> None:
        """
        What a worker that is gone has started may have its socket still: one that listens
        no more is nobody's.
        """
        for slot, one in list(self._kept.items()):
            if SHUT_DOWN in self._sound[one].look():
                del self._kept[slot]
                self._giveUp(one)
        for one in [one for one in self._free if one in self._had]:
            if SHUT_DOWN in self._sound[one].look():
                self._free.remove(one)
                self._giveUp(one)

    def renew(self, slot: int) -> None:
        """
        Whoever joins next has another anyway.
        """

    def _giveUp(self, lost: socket.socket) -> None:
        self._drop(lost)
        self._retire(lost)

    def _restore(self, sound: Soundness) -> bool:
        # One that was shut down would have another place when it listens again.
        return not self._isHarm(sound.lookClosely())

    def _drop(self, member: socket.socket) -> None:
        super()._drop(member)
        self.unaccepted.drop(member)

    def _retire(self, broken: socket.socket) -> None:
        index = self._indices.pop(broken)
        try:
            retiring = Aside(partial(self._takeOut, broken))
        except RuntimeError:
            # No thread can be had. The last who has it closes it.
            broken.close()
            return
        if retiring.isDone(AT_ONCE):
            self._vacate(index)
        else:
            # As long as it is in the group it has its place.
            self._retiring[index] = retiring

    def _vacate(self, index: int) -> None:
        self._vacant.append(index)
        self._steering.remove(index)

    @staticmethod
    @abstractmethod
    def _takeOut(broken: socket.socket) -> None:
        """
        Have the group go on without a socket that others may have, and close it; to be
        done aside.
        """

    def close(self) -> None:
        self.members.clear()
        for one in list(self._indices):
            with suppress(OSError):
                one.close()
        self._indices.clear()
        self.unaccepted.close()
        self._steering.close()
