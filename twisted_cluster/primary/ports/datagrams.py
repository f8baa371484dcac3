"""
One UDP port as many sockets, of which each peer has one.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Sequence
from contextlib import suppress

from twisted_cluster.interfaces import IKernelPrograms
from twisted_cluster.primary.ports.peers import Peers
from twisted_cluster.primary.ports.refusing import hide
from twisted_cluster.primary.ports.reserve import Reserve
from twisted_cluster.primary.ports.soundness import CONNECTED
from twisted_cluster.primary.ports.steered import Steering
from twisted_cluster.primary.ports.steered_classic import ClassicSteering
from twisted_cluster.wire.relayed import LARGEST, Datagram
from twisted_cluster.wire.user import User, acting

# As linux/in.h and linux/in6.h have them: where a datagram was sent to.
IP_PKTINFO, IPV6_RECVPKTINFO, IPV6_PKTINFO = 8, 49, 50
INFO4, INFO6 = struct.Struct("=i4s4s"), struct.Struct("=16si")
ROOM = socket.CMSG_SPACE(INFO6.size) + socket.CMSG_SPACE(INFO4.size)
MAPPED = bytes(10) + b"\xff\xff"
LONGEST = 65535
# So many are read from a socket at a time.
MOST_READ = 32


class DatagramReserve(Reserve):
    """
    Whose first socket nobody is chosen for, nor another that keeps others out.

    The kernel takes the first of a port's sockets that fits, and if that is of a group
    whichever the program chooses. Of IPv4 that is the one which was bound last, of IPv6
    the one which was bound first. Who wants to be bound there as well must not be in the
    way of that very one. So it is this that has SO_REUSEPORT no longer; and it is bound
    to a device that there is not, so that nothing is for it.
    """

    def __init__(
        self,
        first: socket.socket,
        places: int,
        user: User | None = None,
        mayRemember: bool = True,
    ) -> None:
        """
        @param first: Bound, without SO_REUSEPORT: else that would join a stranger's
            group, where it should fail with EADDRINUSE.
        @param mayRemember: Whether a program is to be loaded that remembers peers, if
            the system has that.
        @raise CannotSteerError: As L{Reserve}, and OSError.
        """
        self._mayRemember = mayRemember
        self._others: list[socket.socket] = []
        self._isFirstAsked = first.family == socket.AF_INET6
        self._guard: socket.socket | None = None
        try:
            super().__init__(first, Peers(), places, user)
        except BaseException:
            self._closeOthers()
            raise
        try:
            _tellWhereTo(self._steeredBy)
            self.unaccepted.add(self._steeredBy)
            self.serve({})
        except BaseException:
            self.close()
            raise

    def _anchored(self) -> socket.socket:
        self._first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if self._isFirstAsked:
            # No more than what the port is called by.
            hide(self._first)
            self._steeredBy = self._unsteered()
        else:
            # What was bound without is of a group as soon as there is another one.
            self._unsteered().close()
            self._others.clear()
            self._steeredBy = self._first
        return self._steeredBy

    def _newSteering(self, programs: IKernelPrograms, anchor: socket.socket) -> Steering:
        if self._mayRemember:
            return super()._newSteering(programs, anchor)
        return ClassicSteering(programs, anchor)

    def _unsteered(self) -> socket.socket:
        with acting(self._user):
            made = self._bound()
        self._others.append(made)
        return made

    def _shut(self) -> None:
        if self._isFirstAsked:
            self._first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 0)
            return
        guard = socket.socket(self._family, self._kind)
        with suppress(OSError), acting(self._user):
            hide(guard)
            guard.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            guard.bind(self._name)
            guard.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 0)
            self._guard = guard
            self._others.append(guard)
            return
        guard.close()

    def _open(self) -> None:
        if self._isFirstAsked:
            self._first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        elif self._guard is not None:
            self._others.remove(self._guard)
            self._guard.close()
            self._guard = None

    def _begin(self, made: socket.socket) -> None:
        _tellWhereTo(made)
        super()._begin(made)

    # Who is chosen

    @property
    def remembers(self) -> bool:
        """
        Whether a peer stays with a worker that leaves.
        """
        return self._steering.remembers

    def _choose(
        self, chosen: dict[int, int], byWeight: bool, leaving: frozenset[int]
    ) -> None:
        if not chosen:
            # There are no workers: who comes waits for the next one.
            waiting = [*self._kept.values()] or [*self._free][:1]
            chosen, leaving = {self._indices[one]: 1 for one in waiting}, frozenset()
        super()._choose(chosen, byWeight, leaving)

    def waiting(self) -> list[socket.socket]:
        return self.unaccepted.among([*self._indices, self._steeredBy])

    def read(self, member: socket.socket) -> list[Datagram]:
        """
        Take what has come for a socket that nobody reads: because a worker is gone, or
        the program had been detached. What is for everybody its workers have had, too.
        """
        found: list[Datagram] = []
        size = 0
        with suppress(OSError):
            for _ in range(MOST_READ):
                if size + LONGEST > LARGEST:
                    break
                data, told, _, name = member.recvmsg(LONGEST, ROOM, socket.MSG_DONTWAIT)
                if not _isForAll(told):
                    found.append((data, name))
                    size += len(data)
        return found

    # What is done to them

    def _isHarm(self, done: Sequence[str]) -> bool:
        return CONNECTED in done

    @staticmethod
    def _takeOut(broken: socket.socket) -> None:
        with suppress(OSError):
            hide(broken)
        os.close(broken.detach())

    def close(self) -> None:
        super().close()
        self._closeOthers()

    def _closeOthers(self) -> None:
        for one in self._others:
            one.close()
        self._others.clear()


def _tellWhereTo(one: socket.socket) -> None:
    """
    Have the system say of each datagram where it was sent to.
    """
    if one.family == socket.AF_INET:
        one.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
    else:
        one.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)


def _isForAll(told: Sequence[tuple[int, int, bytes]]) -> bool:
    """
    Whether a datagram was sent to a broadcast or multicast address. Who has the socket
    may have the system say so much else that this is cut off, or not there.
    """
    for level, kind, data in told:
        if (level, kind, len(data)) == (socket.IPPROTO_IP, IP_PKTINFO, INFO4.size):
            _, local, to = INFO4.unpack(data)
            return bool(local != to)
        if (level, kind, len(data)) == (socket.IPPROTO_IPV6, IPV6_PKTINFO, INFO6.size):
            to, _ = INFO6.unpack(data)
            return bool(to[0] == 0xFF or (to.startswith(MAPPED) and to[12] >= 224))
    return False
