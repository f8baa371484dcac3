"""
One UDP port as many sockets: the kernel gives all of a peer's datagrams to one of them.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from twisted.logger import Logger

from twisted_cluster.primary.ports.group import SocketGroup
from twisted_cluster.primary.ports.soundness import CONNECTED, FILTERED
from twisted_cluster.wire.aside import Aside
from twisted_cluster.wire.reuseport import lock
from twisted_cluster.wire.user import User

log = Logger()
LOCAL = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}


class DatagramGroup(SocketGroup):
    """
    Whose sockets are made when a slot needs one.
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
        super().__init__(first, user)
        self._begin(first)
        self._spare: socket.socket | None = first

    @property
    def sockets(self) -> list[socket.socket]:
        spare = [] if self._spare is None else [self._spare]
        return [*self.members.values(), *spare]

    def _begin(self, made: socket.socket) -> None:
        super()._begin(made)
        # So that no worker attaches a program by it.
        lock(made)

    def _another(self) -> socket.socket:
        spare, self._spare = self._spare, None
        return spare or self._makeAnother()

    def _isHarm(self, done: Sequence[str]) -> bool:
        return not {CONNECTED, FILTERED}.isdisjoint(done)

    def _retire(self, broken: socket.socket) -> None:
        try:
            Aside(partial(_connect, broken, self._name[1]))
        except RuntimeError:
            # No thread can be had. The last who has it closes it.
            broken.close()

    def remove(self, slot: int, worker: int | None = None) -> int | None:
        """
        What is then left to nobody is not a member any more; but the last one stays in
        the group.
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
        return member.detach()


def _connect(broken: socket.socket, port: int) -> None:
    """
    The kernel would give a socket datagrams until the last who has it has closed it.
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
