"""
One port as many sockets, of which each slot's workers have one.
"""

from __future__ import annotations

import socket
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress

from twisted_cluster.primary.ports.soundness import SHUT_DOWN, Soundness
from twisted_cluster.wire.aside import Aside
from twisted_cluster.wire.user import User, acting

# Seconds that a look at a socket takes that nobody keeps locked.
AT_MOST = 0.2
# One that others may have as well is looked at closely once in so many looks.
CLOSELY = 10


class SocketGroup(ABC):
    """
    Sockets with SO_REUSEPORT, one for each slot, which all workers of the slot share. The
    primary keeps them, so that what is queued for a worker outlives it, and goes to
    whoever takes its place.

    @ivar members: The sockets, by slot.
    """

    def __init__(self, first: socket.socket, user: User | None) -> None:
        """
        @param first: Bound, and of this group.
        @param user: Whose it is: the system lets nobody else into a group.
        """
        self.members: dict[int, socket.socket] = {}
        self._user = user
        self._sound: dict[socket.socket, Soundness] = {}
        self._users: defaultdict[int, set[int]] = defaultdict(set)
        # All that a socket was ever given to: what they have started may have it.
        self._had: defaultdict[socket.socket, set[int]] = defaultdict(set)
        self._looks = 0
        self._closely: dict[socket.socket, Aside[list[str]]] = {}
        self._kind = first.type
        self._family = first.family
        self._name = first.getsockname()
        self._ipv6Only = first.family == socket.AF_INET6 and first.getsockopt(
            socket.IPPROTO_IPV6, socket.IPV6_V6ONLY
        )

    @property
    @abstractmethod
    def sockets(self) -> Sequence[socket.socket]:
        """
        Every socket of the group.
        """

    @property
    def descriptors(self) -> int:
        """
        How many descriptors it has.
        """
        return len(self.sockets)

    @property
    def unused(self) -> list[int]:
        """
        Slots whose sockets no worker has, just now.
        """
        return [slot for slot in self.members if not self._users.get(slot)]

    def socketOf(self, slot: int, worker: int) -> socket.socket:
        """
        The socket of a slot, which has one from now on.

        @param worker: The id of one that uses it from now on.
        @raise OSError: If it cannot be made.
        """
        if slot not in self.members:
            self.members[slot] = self._another()
        if not self._users[slot] and not self._isSound(self.members[slot]):
            self.renew(slot)
        self._users[slot].add(worker)
        self._had[self.members[slot]].add(worker)
        return self.members[slot]

    @abstractmethod
    def _another(self) -> socket.socket:
        """
        A socket that no slot has.

        @raise OSError: If it cannot be made.
        """

    def _isSound(self, member: socket.socket) -> bool:
        sound = self._sound[member]
        try:
            looking = Aside(lambda: self._restore(sound))
        except RuntimeError:
            # No thread can be had.
            return not sound.look()
        # Who has it as well may keep it locked.
        return looking.isDone(AT_MOST) and looking.result()

    def _restore(self, sound: Soundness) -> bool:
        """
        @return: Whether it can be given to one more; to be asked aside.
        """
        return not sound.lookClosely() or sound.mend()

    def renew(self, slot: int) -> None:
        """
        Have another socket in the place of one that a worker has broken, and may still
        have. It is for who joins from now on.

        @raise OSError: If it cannot be made.
        """
        broken, self.members[slot] = self.members[slot], self._another()
        self._users[slot] = set()
        self._drop(broken)
        self._retire(broken)

    @abstractmethod
    def _retire(self, broken: socket.socket) -> None:
        """
        Have the kernel go on without a socket that others may still have.
        """

    def look(self, isServer: bool = False) -> dict[int, set[int]]:
        """
        Keep workers from having each other wait.

        @param isServer: Whether it is on a port that was meant, to serve whoever comes.
        @return: Slots whose sockets are broken, with the ids of those who may have done
            that, also of those who are gone.
        """
        self._looks += 1
        broken = {}
        for slot, member in self.members.items():
            done = self._sound[member].look()
            if done:
                self._sound[member].unblock()
            isMore = self._isOthersAffair(member, isServer)
            if SHUT_DOWN in done or (isMore and self._isHarmed(member)):
                broken[slot] = set(self._had[member])
        return broken

    def _isOthersAffair(self, member: socket.socket, isServer: bool) -> bool:
        """
        Whether it matters what else is done to a socket than that it is shut down.
        """
        # What one that was alone with it does to its own is its own affair; and where it
        # is no server it may want one peer alone, or some.
        return isServer and len(self._had[member]) > 1

    def _isHarmed(self, member: socket.socket) -> bool:
        """
        Whether it does not let in everybody, as it was found to be lately.
        """
        looking = self._closely.get(member)
        if looking is None:
            if not self._looks % CLOSELY:
                with suppress(RuntimeError):
                    # Without a thread at the next look.
                    self._closely[member] = Aside(self._sound[member].lookClosely)
            return False
        if not looking.isDone():
            return False
        del self._closely[member]
        try:
            return self._isHarm(looking.result())
        except (OSError, ValueError):
            # It could not be looked at: at the next time.
            return False

    @abstractmethod
    def _isHarm(self, done: Sequence[str]) -> bool:
        """
        @param done: What has been done to a socket.
        @return: Whether none that serves would have done it.
        """

    def _drop(self, member: socket.socket) -> None:
        self._sound.pop(member, None)
        self._closely.pop(member, None)
        self._had.pop(member, None)

    def _close(self, member: socket.socket) -> None:
        self._drop(member)
        with suppress(OSError):
            member.close()

    def _makeAnother(self) -> socket.socket:
        with acting(self._user):
            return self._made()

    def _made(self) -> socket.socket:
        made = self._bound()
        try:
            self._begin(made)
        except BaseException:
            made.close()
            raise
        return made

    def _bound(self) -> socket.socket:
        made = socket.socket(self._family, self._kind)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if self._ipv6Only:
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            if self._kind == socket.SOCK_STREAM:
                made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(self._name)
            made.setblocking(False)
        except BaseException:
            made.close()
            raise
        return made

    def _begin(self, made: socket.socket) -> None:
        """
        A socket is bound, and is to be one of the group.
        """
        self._sound[made] = Soundness(made)

    def forget(self, slot: int, worker: int) -> None:
        """
        A worker is gone; the socket stays for the one that takes its place.
        """
        self._users[slot].discard(worker)

    @abstractmethod
    def remove(self, slot: int, worker: int | None = None) -> int | None:
        """
        A worker leaves, if one is given; or nobody has been there for a while.

        @return: The descriptor of the slot's socket, which the kernel goes on to give
            datagrams to until the caller closes it; L{None} if there is nothing to close.
        """

    def close(self) -> None:
        """
        Close every socket.
        """
        for one in self.sockets:
            self._close(one)
