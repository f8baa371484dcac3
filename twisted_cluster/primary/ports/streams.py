"""
One TCP port as many sockets, among which the kernel chooses as the policy says.
"""

from __future__ import annotations

import os
import socket
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress

from twisted_cluster.interfaces import IKernelPolicy
from twisted_cluster.primary.ports.guard import Guard
from twisted_cluster.primary.ports.programs import readsLoads
from twisted_cluster.primary.ports.refusing import hasWaiting
from twisted_cluster.primary.ports.reserve import Reserve
from twisted_cluster.primary.ports.soundness import BLOCKS, Soundness
from twisted_cluster.primary.ports.steered import Served
from twisted_cluster.wire.diagnosis import waitingAt
from twisted_cluster.wire.user import User, acting

# More than anybody accepts from one look to the next.
MOST_ACCEPTED = 1_000_000
# So many workers that are gone are remembered.
MOST_GONE = 64


class StreamGroup(Reserve):
    """
    Whose sockets listen.

    @ivar isSteering: Whether the kernel chooses; else the primary hands over who comes.
    @ivar counts: Whether workers count for it what they close.
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
        self._acceptedByAll = 0
        # How many each worker had, at the last look.
        self._seen: dict[int, int] = {}
        self.isSteering = True
        self.counts = readsLoads(policy)
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

    def _isOthersAffair(self, member: socket.socket, isServer: bool) -> bool:
        return True

    def _isHarm(self, done: Sequence[str]) -> bool:
        return bool(set(done) - {BLOCKS})

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

    def noteClosings(self) -> None:
        """
        Remember what workers have closed; before it is looked at what they serve.
        """
        self._steering.noteClosings()

    def reckon(self, done: Mapping[int, tuple[int, int]], now: float) -> None:
        """
        Tell the program what there is to do; some 20 times a second.

        @param done: How many connections a worker serves, and how many it has ever
            accepted, by its id; of all workers.
        @param now: In seconds.
        """
        active: Counter[int] = Counter()
        for worker, (serving, ever) in done.items():
            accepted = self._since(worker, ever)
            self._acceptedByAll += accepted
            member = self.members.get(worker)
            if member in self._indices:
                index = self._indices[member]
                active[index] += serving
                self._accepted[index] += accepted
            self._seen[worker] = ever
        # One that has paused, or let go, may come again.
        gone = [one for one in self._seen if one not in done and one not in self.members]
        for worker in gone[:-MOST_GONE]:
            del self._seen[worker]
        served = {
            index: Served(active[index], self._accepted[index]) for index in self._chosen
        }
        self._steering.reckon(served, now)

    def _since(self, worker: int, ever: int) -> int:
        return min(max(0, ever - self._seen.get(worker, 0)), MOST_ACCEPTED)

    def count(self, said: Mapping[int, int]) -> int:
        """
        @param said: How many connections workers say they have accepted, by their ids.
        @return: How many all have that there ever were.
        """
        since = (self._since(*one) for one in said.items())
        return self._acceptedByAll + sum(since)

    def follow(self, policy: IKernelPolicy) -> None:
        """
        Have the kernel choose as another policy says.

        @raise CannotSteerError: If it has no program of this kind.
        @raise OSError: If the system does not take it.
        """
        self._steering.change(policy)
        self._allow()

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
