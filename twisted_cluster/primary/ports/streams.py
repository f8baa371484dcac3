"""
One TCP port as many sockets, among which the kernel chooses as the policy says.
"""

from __future__ import annotations

import errno
import os
import select
import socket
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial

from twisted_cluster.interfaces import IKernelPolicy
from twisted_cluster.primary.ports.group import SocketGroup
from twisted_cluster.primary.ports.guard import Guard
from twisted_cluster.primary.ports.refusing import hasWaiting
from twisted_cluster.primary.ports.soundness import BLOCKS, Soundness
from twisted_cluster.primary.ports.steered import MOST_PLACES, Served, Steering
from twisted_cluster.primary.ports.steering import steer
from twisted_cluster.steering.places import Place
from twisted_cluster.wire.aside import Aside
from twisted_cluster.wire.diagnosis import waitingAt
from twisted_cluster.wire.user import User, acting

# So many sockets at least are made in advance, and so many for each worker that there may
# be: a slot is given another when its own was broken.
LEAST, EACH = 16, 2
# Seconds that it is waited for that a socket is shut down, which takes some 50 us.
AT_ONCE = 0.01
ENDED = select.EPOLLHUP | select.EPOLLERR if hasattr(select, "EPOLLHUP") else 0


def placesFor(workers: int) -> int:
    """
    How many sockets are reserved, so that no more have to be bound later on.

    @param workers: How many there may be.
    """
    return min(MOST_PLACES, max(LEAST, EACH * workers))


class StreamGroup(SocketGroup):
    """
    Whose sockets are made all at once, and listen: none is closed as long as the port is
    open. Those that nobody is chosen for the primary empties. While a slot has two
    workers each has a socket.

    @ivar members: By the id of the worker that has it.
    @ivar kind: What kind of program chooses.
    @ivar instead: Why it is not a better one, if there is one.
    @ivar accepted: How many connections workers have accepted, as they say.
    @ivar idle: Tells which of those are not empty.
    """

    def __init__(
        self,
        anchor: socket.socket,
        policy: IKernelPolicy,
        places: int,
        backlog: int,
        user: User | None = None,
    ) -> None:
        """
        @param anchor: Listens, first of its group, and stays the primary's.
        @param policy: Whose program chooses.
        @param places: How many sockets workers may have.
        @param user: Whose the anchor is.
        @raise CannotSteerError: If there is no such program here.
        @raise OSError: If one of the sockets cannot be made.
        """
        super().__init__(anchor, user)
        self._anchor = anchor
        self._backlog = backlog
        self._steering: Steering = steer(policy, anchor)
        self.kind = self._steering.kind
        self.instead = self._steering.instead
        self._indices: dict[socket.socket, int] = {}
        self._chosen: dict[int, int] = {}
        self._byWeight = False
        self._count = 0
        self._free: deque[socket.socket] = deque()
        # Those whose workers are gone, for the next one in the slot.
        self._kept: dict[int, socket.socket] = {}
        self._slots: dict[int, int] = {}
        self._retiring: dict[int, Aside[None]] = {}
        self._accepted: Counter[int] = Counter()
        self.accepted = 0
        self._guard: Guard | None = None
        self.idle = select.epoll()
        self._all = select.epoll()
        try:
            for _ in range(places):
                self._free.append(super()._makeAnother())
            with acting(user):
                self._guard = Guard(anchor)
            self._guard.shut()
        except BaseException:
            self.close()
            raise

    @property
    def sockets(self) -> Sequence[socket.socket]:
        return list(self._indices)

    @property
    def isClosed(self) -> bool:
        """
        Whether no other process of this user can have a socket in it.
        """
        return self._guard is not None and self._guard.isShut

    def _makeAnother(self) -> socket.socket:
        assert self._guard is not None, "it is not complete"
        self._guard.open()
        try:
            return super()._makeAnother()
        finally:
            self._guard.shut()

    def _begin(self, made: socket.socket) -> None:
        made.listen(self._backlog)
        self._steering.add(self._count, made)
        self._sound[made] = Soundness(made, self._backlog)
        self.idle.register(made, select.EPOLLIN)
        self._all.register(made, select.EPOLLIN)
        self._indices[made] = self._count
        self._count += 1

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
        if self._free:
            return self._free.popleft()
        if self._kept:
            return self._kept.pop(next(iter(self._kept)))
        if self._count < MOST_PLACES:
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

    def serve(self, weights: Mapping[int, int], byWeight: bool = False) -> None:
        """
        Have only these be chosen, from now on.

        @param weights: What share each is to have, against others', by the worker's id.
        @param byWeight: Whether the policy need not look at that.
        @raise OSError: If the system does not take the program.
        """
        chosen: Counter[int] = Counter()
        for worker, weight in weights.items():
            member = self.members.get(worker)
            if member in self._indices:
                chosen[self._indices[member]] += weight
        if chosen == self._chosen and byWeight == self._byWeight:
            return
        places = [Place(*place) for place in sorted(chosen.items())]
        self._steering.allow(places, byWeight)
        self._byWeight = byWeight
        for member, index in self._indices.items():
            if (index in chosen) != (index in self._chosen):
                self._watch(member, index not in chosen)
        self._chosen = dict(chosen)

    def _watch(self, member: socket.socket, wanted: bool) -> None:
        with suppress(FileNotFoundError):
            self.idle.modify(member, select.EPOLLIN if wanted else 0)

    def attach(self) -> None:
        """
        Have the program choose, if somebody has detached it.
        """
        self._steering.attach()

    # Who waits

    def waiting(self) -> list[socket.socket]:
        """
        Sockets that are not empty, although nobody takes what is in them.
        """
        told = dict(self.idle.poll(0))
        found = []
        for one in self._indices:
            events = told.get(one.fileno(), 0)
            if events & ENDED:
                # It would be told of until it is another's turn to look.
                self.idle.unregister(one)
            elif events:
                found.append(one)
        return found

    def full(self) -> set[int]:
        """
        The ids of workers whose sockets are not empty.
        """
        numbers = {fd for fd, events in self._all.poll(0) if events & select.EPOLLIN}
        if not numbers:
            return set()
        return {id for id, one in self.members.items() if one.fileno() in numbers}

    @property
    def backlog(self) -> int | None:
        """
        How many the kernel has that nobody has accepted; L{None}: it does not tell.
        """
        all = [self._anchor, *self._indices]
        with suppress(OSError):
            told = waitingAt(self._family, self._name[1])
            return sum(told.get(os.fstat(one.fileno()).st_ino, 0) for one in all)
        return None

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

    def took(self, member: socket.socket, count: int) -> None:
        """
        So many were taken from a socket that nobody else accepts from.
        """
        if member in self._indices:
            self._accepted[self._indices[member]] += count

    def reckon(self, done: Mapping[int, tuple[int, int]], now: float) -> None:
        """
        Tell the program what there is to do; some 20 times a second.

        @param done: How many connections a worker serves, and how many it has accepted
            since the last time, by its id.
        @param now: In seconds.
        """
        active: Counter[int] = Counter()
        for worker, (serving, accepted) in done.items():
            member = self.members.get(worker)
            if member in self._indices:
                index = self._indices[member]
                active[index] += serving
                self._accepted[index] += accepted
                self.accepted += accepted
        served = {
            index: Served(active[index], self._accepted[index]) for index in self._chosen
        }
        self._steering.reckon(served, now)

    def isAwaited(self) -> bool:
        """
        Whether any of them is not empty.
        """
        return any(map(hasWaiting, self._indices))

    # What is done to them

    def look(self, isServer: bool = False) -> dict[int, set[int]]:
        """
        What is broken is nobody's any more.
        """
        for index, retiring in list(self._retiring.items()):
            if retiring.isDone():
                del self._retiring[index]
                self._steering.remove(index)
        broken: dict[int, set[int]] = {}
        for worker, had in super().look(isServer).items():
            broken.setdefault(self._slots.pop(worker), set()).update(had)
            lost = self.members.pop(worker)
            if lost in self._indices:
                self._giveUp(lost)
        return broken

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

    def _isOthersAffair(self, member: socket.socket, isServer: bool) -> bool:
        return True

    def _isHarm(self, done: Sequence[str]) -> bool:
        return bool(set(done) - {BLOCKS})

    def _drop(self, member: socket.socket) -> None:
        super()._drop(member)
        for poll in (self.idle, self._all):
            with suppress(OSError):
                poll.unregister(member)

    def _retire(self, broken: socket.socket) -> None:
        index = self._indices.pop(broken)
        try:
            retiring = Aside(partial(_close, broken))
        except RuntimeError:
            # No thread can be had. The last who has it closes it.
            broken.close()
            return
        if retiring.isDone(AT_ONCE):
            self._steering.remove(index)
        else:
            # As long as it listens it has its place.
            self._retiring[index] = retiring

    def close(self) -> None:
        self.members.clear()
        for one in list(self._indices):
            with suppress(OSError):
                one.close()
        self._indices.clear()
        if self._guard is not None:
            self._guard.close()
        self.idle.close()
        self._all.close()
        self._steering.close()


def _close(broken: socket.socket) -> None:
    with suppress(OSError):
        broken.shutdown(socket.SHUT_RDWR)
    os.close(broken.detach())
