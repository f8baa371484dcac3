"""
One UDP port as many sockets: the kernel gives all of a peer's datagrams to one of them.
"""

from __future__ import annotations

import socket
import sys

from twisted.logger import Logger

log = Logger()


class DatagramGroup:
    """
    A group of sockets with SO_REUSEPORT, one for each worker. The primary keeps them,
    so that what is queued for a worker outlives it.

    @ivar members: The sockets, by the numbers of their workers.
    """

    def __init__(self, first: socket.socket) -> None:
        """
        @param first: Bound, and of this group from now on.
        @raise OSError: If there are no such groups here.
        """
        if sys.platform != "linux":
            raise OSError("this platform does not keep a peer with one socket")
        # Only after bind(2): else that would join a stranger's group, where it should
        # fail with EADDRINUSE.
        first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self.members: dict[int, socket.socket] = {}
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

    def socketOf(self, worker: int) -> socket.socket:
        """
        The socket of a worker, made if it has none yet.

        @raise OSError: If it cannot be made.
        """
        if worker not in self.members:
            spare, self._spare = self._spare, None
            self.members[worker] = spare or self._makeAnother()
        return self.members[worker]

    def _makeAnother(self) -> socket.socket:
        made = socket.socket(self._family, socket.SOCK_DGRAM)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if self._ipv6Only:
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            made.bind(self._name)
            made.setblocking(False)
        except BaseException:
            made.close()
            raise
        return made

    def remove(self, worker: int) -> int | None:
        """
        Have no socket for a worker any more; the last one stays in the group.

        @return: Its descriptor, which the kernel goes on to give datagrams to until the
            caller closes it; L{None} if there is nothing to close.
        """
        member = self.members.pop(worker, None)
        if member is None:
            return None
        if not self.members and self._spare is None:
            self._spare = member
            return None
        return member.detach()

    def close(self) -> None:
        """
        Close every socket.
        """
        for one in self.sockets:
            one.close()


def makeGroup(first: socket.socket) -> DatagramGroup | None:
    """
    @return: L{None} if all workers have to read one socket.
    """
    try:
        return DatagramGroup(first)
    except OSError as error:
        log.warn("workers share one UDP socket, and a peer may reach any: {e}", e=error)
        return None
