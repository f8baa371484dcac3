"""
One UDP port as many sockets: the kernel gives all of a peer's datagrams to one of them.
"""

from __future__ import annotations

import socket
import sys
from collections import defaultdict
from contextlib import suppress
from functools import partial

from twisted.logger import Logger

from twisted_cluster.primary.ports.soundness import (
    CONNECTED,
    FILTERED,
    SHUT_DOWN,
    Soundness,
)
from twisted_cluster.wire.aside import Aside
from twisted_cluster.wire.user import User, acting

log = Logger()
# Seconds that a look at a socket takes that nobody keeps locked.
AT_MOST = 0.2
# One that others may have as well is looked at closely once in so many looks.
CLOSELY = 10
LOCAL = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}


class DatagramGroup:
    """
    A group of sockets with SO_REUSEPORT, one for each slot, which all workers of the slot
    share. The primary keeps them, so that what is queued for a worker outlives it, and
    its peers go to whoever takes its place.

    @ivar members: The sockets, by slot.
    """

    def __init__(self, first: socket.socket, user: User | None = None) -> None:
        """
        @param first: Bound, and of this group from now on.
        @param user: Whose it is: the system lets nobody else into a group.
        @raise OSError: If there are no such groups here.
        """
        if sys.platform != "linux":
            raise OSError("this platform does not keep a peer with one socket")
        # Only after bind(2): else that would join a stranger's group, where it should
        # fail with EADDRINUSE.
        first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self.members: dict[int, socket.socket] = {}
        self._user = user
        self._sound = {first: Soundness(first)}
        self._users: defaultdict[int, set[int]] = defaultdict(set)
        # All that a slot's socket was ever given to: what they have started may have it.
        self._had: defaultdict[int, set[int]] = defaultdict(set)
        self._looks = 0
        self._closely: dict[socket.socket, Aside[list[str]]] = {}
        self._spare: socket.socket | None = first
        self._family = first.family
        self._name = first.getsockname()
        self._ipv6Only = first.family == socket.AF_INET6 and first.getsockopt(
            socket.IPPROTO_IPV6, socket.IPV6_V6ONLY
        )

    @property
    def sockets(self) -> list[socket.socket]:
        """
        Every socket of the group.
        """
        spare = [] if self._spare is None else [self._spare]
        return [*self.members.values(), *spare]

    @property
    def unused(self) -> list[int]:
        """
        Slots whose sockets no worker has, just now.
        """
        return [slot for slot in self.members if not self._users.get(slot)]

    def socketOf(self, slot: int, worker: int) -> socket.socket:
        """
        The socket of a slot, made if it has none yet.

        @param worker: The id of one that uses it from now on.
        @raise OSError: If it cannot be made.
        """
        if slot not in self.members:
            spare, self._spare = self._spare, None
            self.members[slot] = spare or self._makeAnother()
        if not self._users[slot] and not self._isSound(self.members[slot]):
            self.renew(slot)
        self._users[slot].add(worker)
        self._had[slot].add(worker)
        return self.members[slot]

    def _isSound(self, member: socket.socket) -> bool:
        sound = self._sound[member]
        try:
            looking = Aside(lambda: not sound.lookClosely() or sound.mend())
        except RuntimeError:
            # No thread can be had.
            return not sound.look()
        # Who has it as well may keep it locked.
        return looking.isDone(AT_MOST) and looking.result()

    def renew(self, slot: int) -> None:
        """
        Have another socket in the place of one that a worker has broken, and may still
        have. It is for who joins from now on.

        @raise OSError: If it cannot be made.
        """
        broken, self.members[slot] = self.members[slot], self._makeAnother()
        self._users[slot] = set()
        self._had[slot] = set()
        self._drop(broken)
        try:
            Aside(partial(_retire, broken, self._name[1]))
        except RuntimeError:
            # No thread can be had. The last who has it closes it.
            broken.close()

    def look(self, isServer: bool = False) -> dict[int, set[int]]:
        """
        Keep workers from having each other wait.

        @param isServer: Whether nobody who works would have the socket let in one peer
            alone, or some.
        @return: Slots whose sockets are broken, with the ids of those who may have done
            that, also of those who are gone. What one that was alone with it does to its
            own is its own affair, unless it shuts it down.
        """
        self._looks += 1
        broken = {}
        for slot, member in self.members.items():
            done = self._sound[member].look()
            if done:
                self._sound[member].unblock()
            isOthersAsWell = isServer and len(self._had[slot]) > 1
            if SHUT_DOWN in done or (isOthersAsWell and self._isClosed(member)):
                broken[slot] = set(self._had[slot])
        return broken

    def _isClosed(self, member: socket.socket) -> bool:
        """
        Whether it lets in not everybody, as it was found to be lately.
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
        return not {CONNECTED, FILTERED}.isdisjoint(looking.result())

    def _drop(self, member: socket.socket) -> None:
        self._sound.pop(member, None)
        self._closely.pop(member, None)

    def _close(self, member: socket.socket) -> None:
        self._drop(member)
        with suppress(OSError):
            member.close()

    def _makeAnother(self) -> socket.socket:
        with acting(self._user):
            return self._made()

    def _made(self) -> socket.socket:
        made = socket.socket(self._family, socket.SOCK_DGRAM)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if self._ipv6Only:
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            made.bind(self._name)
            made.setblocking(False)
            self._sound[made] = Soundness(made)
        except BaseException:
            made.close()
            raise
        return made

    def forget(self, slot: int, worker: int) -> None:
        """
        A worker is gone; the socket stays for the one that takes its place.
        """
        self._users[slot].discard(worker)

    def remove(self, slot: int, worker: int | None = None) -> int | None:
        """
        A worker leaves, if one is given. What is then left to nobody is not a member any
        more; but the last one stays in the group.

        @return: The descriptor of the slot's socket, which the kernel goes on to give
            datagrams to until the caller closes it; L{None} if there is nothing to close.
        """
        if worker is not None:
            self.forget(slot, worker)
        if slot not in self.members or self._users[slot]:
            return None
        member = self.members.pop(slot)
        if not self.members and self._spare is None:
            self._spare = member
            return None
        self._drop(member)
        self._had[slot] = set()
        return member.detach()

    def close(self) -> None:
        """
        Close every socket.
        """
        for one in self.sockets:
            self._close(one)


def _retire(broken: socket.socket, port: int) -> None:
    """
    Have the kernel go on without a socket: it would give it datagrams until the last who
    has it has closed it.
    """
    with broken, suppress(OSError):
        broken.connect((LOCAL[broken.family], port))


def makeGroup(first: socket.socket, user: User | None = None) -> DatagramGroup | None:
    """
    @param user: Whose the socket is.
    @return: L{None} if all workers have to read one socket.
    """
    try:
        return DatagramGroup(first, user)
    except OSError as error:
        log.warn("workers share one UDP socket, and a peer may reach any: {e}", e=error)
        return None
