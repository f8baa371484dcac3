"""
What stands in for listening sockets from which only the primary accepts.
"""

from __future__ import annotations

import os
import socket
from collections import deque
from collections.abc import Callable
from typing import Any

from twisted_cluster.core.socket_facts import Said, SocketFacts
from twisted_cluster.wire.handed import SEEN, Handed
from twisted_cluster.worker.ports.counted import CountedSocket, Endings
from twisted_cluster.worker.ports.seen import SeenCountedSocket, SeenSocket
from twisted_cluster.worker.ports.sockets import (
    NOTHING,
    STREAM,
    AnySocket,
    PolledSocket,
    PortSocket,
)


class StandIn(PortSocket):
    """
    An open, unbound socket that says what the listening one would: where it is, and its
    options.

    @ivar facts: What that one has said.
    @ivar listener: The number by which the primary knows it.
    """

    def __init__(self, facts: SocketFacts, listener: int) -> None:
        """
        @raise OSError: If there is no descriptor free for it.
        """
        super().__init__(AnySocket(facts.family, socket.SOCK_STREAM).detach())
        name = facts.name
        isAbstract = isinstance(name, str) and name.startswith("\0")
        # As Python says it.
        self._name: Any = os.fsencode(str(name)) if isAbstract else name
        self.facts = facts
        self.listener = listener
        self._said: dict[tuple[int, int], Said] = {
            (level, option): value for level, option, value in facts.options
        }

    def isAt(self, fileDescriptor: int) -> bool:
        """
        Whether a descriptor is this one, or a copy of it.

        @raise OSError: If nothing is open there.
        """
        there = os.fstat(fileDescriptor)
        return self.fileno() >= 0 and os.path.samestat(there, os.fstat(self.fileno()))

    def getsockopt(self, level: int, option: int, *size: int) -> Any:
        said = self._said.get((level, option))
        if isinstance(said, int) and not size:
            return said
        if isinstance(said, str) and size:
            return bytes.fromhex(said)[: size[0]]
        return super().getsockopt(level, option, *size)

    def setsockopt(self, level: int, option: int, *value: Any) -> None:
        super().setsockopt(level, option, *value)
        self._said.pop((level, option), None)
        if len(value) == 1:
            self._set[level, option] = value[0]

    def listen(self, backlog: int = 0) -> None:
        """
        The primary's does already. This one would bind itself to a port for it.
        """

    def dup(self) -> socket.socket:  # type: ignore[override]
        """
        @return: A copy, of which an adopting reactor knows what it stands for.
        """
        return socket.socket(fileno=os.dup(self.fileno()))


class DeliveredSocket(StandIn):
    """
    One whose C{accept} gives what was handed over.
    """

    def __init__(self, facts: SocketFacts, listener: int, endings: Endings) -> None:
        """
        @param endings: Where the ends of its connections are counted.
        @raise OSError: If there is no descriptor free for it.
        """
        super().__init__(facts, listener)
        self.handed: deque[Handed] = deque()
        self._endings = endings if endings.counts else None
        # Of most connections nothing is to be known but their numbers; a plain number
        # costs less than the names that the socket module has for kinds: 0.3 us.
        self._isPlain = self._endings is None
        self._family = int(facts.family)

    def accept(self) -> tuple[socket.socket, Any]:
        """
        @raise BlockingIOError: If nothing was handed over.
        """
        if not self.handed:
            raise BlockingIOError(NOTHING, os.strerror(NOTHING))
        connection = self.handed.popleft()
        fd, _, name, _, _, flags, _ = connection
        if self._isPlain and name and not (flags or self._set):
            return AnySocket(self._family, STREAM, 0, fd), name
        return _accepted(self, connection, self._endings)


class SharedSocket(PolledSocket):
    """
    One that all workers accept from, and that gives what was handed over as well: as long
    as the primary accepts in their place.
    """

    def __init__(
        self,
        fd: int,
        drops: Callable[[], bool],
        expect: Callable[[], None],
        endings: Endings,
        accepted: Callable[[], object] | None = None,
    ) -> None:
        """
        @param accepted: Called with each connection that is accepted from it.
        @see: L{PolledSocket}, L{DeliveredSocket}
        """
        super().__init__(fd, drops, expect, True)
        self._count = accepted
        self.listener = 0
        self.handed: deque[Handed] = deque()
        self._endings = endings if endings.counts else None

    def accept(self) -> tuple[socket.socket, Any]:
        """
        @raise BlockingIOError: If there is nothing to serve just now.
        """
        if self.handed:
            return _accepted(self, self.handed.popleft(), self._endings)
        accepted, name = super().accept()
        if self._count is not None:
            self._count()
            if self._endings is not None:
                accepted = self._counted(accepted, self._endings)
        return accepted, name

    def _counted(self, accepted: socket.socket, endings: Endings) -> socket.socket:
        made = CountedSocket(self.family, socket.SOCK_STREAM, 0, accepted.detach())
        made.countWith(endings, Handed(made.fileno(), self.listener, ""))
        return made


def _accepted(
    port: PortSocket, connection: Handed, endings: Endings | None
) -> tuple[socket.socket, Any]:
    kind: type[socket.socket]
    if connection.flags & SEEN:
        kind = SeenSocket if endings is None else SeenCountedSocket
    else:
        kind = socket.socket if endings is None else CountedSocket
    accepted = kind(port.family, socket.SOCK_STREAM, 0, connection.fd)
    if isinstance(accepted, CountedSocket) and endings is not None:
        accepted.countWith(endings, connection)
    port.handOn(accepted)
    return accepted, connection.name or _peerOf(accepted)


def _peerOf(accepted: socket.socket) -> Any:
    try:
        return accepted.getpeername()
    except OSError:
        return ""
