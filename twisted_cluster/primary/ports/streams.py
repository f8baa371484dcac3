"""
One TCP port as many sockets, among which the kernel chooses as the policy says.
"""

from __future__ import annotations

import os
import socket
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress

from twisted_cluster.interfaces import IKernelPolicy
from twisted_cluster.primary.ports.guard import Guard
from twisted_cluster.primary.ports.refusing import hasWaiting
from twisted_cluster.primary.ports.reserve import Reserve
from twisted_cluster.primary.ports.soundness import Soundness
from twisted_cluster.primary.ports.steered import Served
from twisted_cluster.wire.diagnosis import waitingAt
from twisted_cluster.wire.user import User, acting


class StreamGroup(Reserve):
    """
    Whose sockets listen.

    @ivar accepted: How many connections workers have accepted, as they say.
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
        @param backlog: With which they listen.
        @raise CannotSteerError: As L{Reserve}, and OSError.
        """
        self._backlog = backlog
        self._accepted: Counter[int] = Counter()
        self.accepted = 0
        self._guard: Guard | None = None
        super().__init__(anchor, policy, places, user)

    def _anchored(self) -> socket.socket:
        return self._first

    def _shut(self) -> None:
        if self._guard is None:
            with acting(self._user):
                self._guard = Guard(self._first)
        self._guard.shut()

    def _open(self) -> None:
        assert self._guard is not None, "it is not complete"
        self._guard.open()

    @property
    def isClosed(self) -> bool:
        """
        Whether no other process of this user can have a socket in it.
        """
        return self._guard is not None and self._guard.isShut

    def _begin(self, made: socket.socket) -> None:
        made.listen(self._backlog)
        super()._begin(made)

    def _newSoundness(self, made: socket.socket) -> Soundness:
        return Soundness(made, self._backlog)

    def full(self) -> set[int]:
        """
        The ids of workers whose sockets are not empty.
        """
        numbers = self.unaccepted.full()
        if not numbers:
            return set()
        return {id for id, one in self.members.items() if one.fileno() in numbers}

    @property
    def backlog(self) -> int | None:
        """
        How many the kernel has that nobody has accepted; L{None}: it does not tell.
        """
        all = [self._first, *self._indices]
        with suppress(OSError):
            told = waitingAt(self._family, self._name[1])
            return sum(told.get(os.fstat(one.fileno()).st_ino, 0) for one in all)
        return None

    def newClosings(self, worker: int) -> int | None:
        """
        Where a worker that has just been given a socket is to count what it closes.

        @return: A descriptor, which stays the group's; L{None}: nobody asks.
        """
        member = self.members.get(worker)
        index = None if member is None else self._indices.get(member)
        return None if index is None else self._steering.newClosings(index)

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

    def close(self) -> None:
        super().close()
        if self._guard is not None:
            self._guard.close()

    @staticmethod
    def _takeOut(broken: socket.socket) -> None:
        with suppress(OSError):
            broken.shutdown(socket.SHUT_RDWR)
        os.close(broken.detach())
