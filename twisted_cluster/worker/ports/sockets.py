"""
The sockets of a worker's ports.
"""

from __future__ import annotations

import errno
import os
import socket
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Union

from twisted_cluster.events import SocketName
from twisted_cluster.wire.handoff import Handed
from twisted_cluster.worker.ports.counted import CountedSocket, Endings

# In a class that has a socket the module's name means that.
AnySocket = socket.socket
NOTHING = errno.EAGAIN
Value = Union[int, bytes]
# What may be asked of a listening socket, and what else is so only because it listens.
OPTIONS = {
    "SOL_SOCKET": "SO_ACCEPTCONN SO_REUSEADDR SO_REUSEPORT SO_KEEPALIVE SO_OOBINLINE "
    "SO_RCVBUF SO_SNDBUF SO_RCVLOWAT SO_PRIORITY SO_MARK SO_INCOMING_CPU SO_PASSCRED",
    "IPPROTO_TCP": "TCP_NODELAY TCP_MAXSEG TCP_DEFER_ACCEPT TCP_FASTOPEN TCP_KEEPIDLE "
    "TCP_KEEPINTVL TCP_KEEPCNT TCP_USER_TIMEOUT",
    "IPPROTO_IP": "IP_TOS IP_TTL IP_TRANSPARENT IP_FREEBIND",
    "IPPROTO_IPV6": "IPV6_V6ONLY IPV6_TCLASS IPV6_UNICAST_HOPS",
}


class PortSocket(socket.socket):
    """
    A port's socket, which it can let go of and still say where it was.
    """

    _name: SocketName | None = None

    def __init__(self, fd: int) -> None:
        """
        @param fd: Its descriptor; this owns it from now on.
        """
        super().__init__(fileno=fd)
        self.setblocking(False)

    def getsockname(self) -> Any:
        return super().getsockname() if self._name is None else self._name

    @property
    def isReleased(self) -> bool:
        """
        Whether it is bound to nothing any more.
        """
        return self._name is not None

    def release(self) -> None:
        """
        Let go of what is bound, but stay an open socket. Again: nothing.

        @raise OSError: If no descriptor is free for that; it may be tried again.
        """
        if self._name is None:
            name = self.getsockname()
            with socket.socket(self.family, self.type) as unbound:
                unbound.setblocking(False)
                self._name = name
                os.dup2(unbound.fileno(), self.fileno(), inheritable=False)

    def letGo(self) -> None:
        """
        The same, or be closed where no descriptor is free for that.
        """
        try:
            self.release()
        except OSError:
            self.close()


class DeliveredSocket(PortSocket):
    """
    What stands in for a listening socket that only the primary holds, and says what that
    one would: where it is, and its options. Its C{accept} gives what was handed over.
    """

    def __init__(self, fd: int, lend: Callable[[], int], endings: Endings) -> None:
        """
        @param fd: The listening socket, which is asked what it has to say, and closed.
        @param lend: Gives a descriptor of the listening socket; who calls must close it.
        @param endings: Where the ends of its connections are counted.
        @raise OSError: If there is no descriptor free for it.
        """
        super().__init__(fd)
        self.handed: deque[Handed] = deque()
        self.lend = lend
        self._endings = endings if endings.counts else None
        self._set: dict[tuple[int, int], Value] = {}
        self._said: dict[tuple[int, int], int] = {}
        self._said = dict(_optionsOf(self))
        try:
            self.release()
        except OSError:
            self.close()
            raise

    def accept(self) -> tuple[socket.socket, Any]:
        """
        @raise BlockingIOError: If nothing was handed over.
        """
        if not self.handed:
            raise BlockingIOError(NOTHING, os.strerror(NOTHING))
        connection = self.handed.popleft()
        kind = socket.socket if self._endings is None else CountedSocket
        accepted = kind(self.family, socket.SOCK_STREAM, 0, connection.fd)
        if isinstance(accepted, CountedSocket) and self._endings is not None:
            accepted.countWith(self._endings, connection)
        if self._set:
            self._inherit(accepted)
        return accepted, connection.name or _peerOf(accepted)

    def getsockopt(self, level: int, option: int, *size: int) -> Any:
        if not size and (level, option) in self._said:
            return self._said[level, option]
        if size and (level, option) not in self._set:
            # A structure such as TCP_INFO: of what is there now, so that it is asked now.
            with self.dup() as listening:
                return listening.getsockopt(level, option, *size)
        return super().getsockopt(level, option, *size)

    def setsockopt(self, level: int, option: int, *value: Any) -> None:
        super().setsockopt(level, option, *value)
        self._said.pop((level, option), None)
        if len(value) == 1:
            self._set[level, option] = value[0]

    def _inherit(self, accepted: socket.socket) -> None:
        # What was set on a listening socket its connections have too.
        for (level, option), value in self._set.items():
            try:
                accepted.setsockopt(level, option, value)
            except OSError:
                pass  # one that means nothing to a connection

    def listen(self, backlog: int = 0) -> None:
        """
        It does already. This one would bind itself to a port for it.
        """

    def dup(self) -> socket.socket:  # type: ignore[override]
        """
        @return: A real listening socket.
        """
        return socket.socket(fileno=self.lend())


class PolledSocket(PortSocket):
    """
    A listening socket that this worker accepts from itself.
    """

    def __init__(
        self, fd: int, drops: Callable[[], bool], expect: Callable[[], None]
    ) -> None:
        """
        @param drops: Whether the next connection is one too many, and to be closed.
        @param expect: Called before one is accepted: there is to be a number for it.
        """
        super().__init__(fd)
        self._drops = drops
        self._expect = expect

    def accept(self) -> tuple[socket.socket, Any]:
        """
        @raise BlockingIOError: If there is nothing to serve just now.
        """
        if self.isReleased:
            # The loop may still be told of what came before.
            raise BlockingIOError(NOTHING, os.strerror(NOTHING))
        self._expect()
        accepted, name = super().accept()
        if self._drops():
            accepted.close()
            raise BlockingIOError(NOTHING, os.strerror(NOTHING))
        return accepted, name


def _peerOf(accepted: socket.socket) -> Any:
    try:
        return accepted.getpeername()
    except OSError:
        return ""


def _optionsOf(listening: socket.socket) -> Iterator[tuple[tuple[int, int], int]]:
    for levelName, names in OPTIONS.items():
        level = getattr(socket, levelName, None)
        for option in (getattr(socket, name, None) for name in names.split()):
            if level is None or option is None:
                continue
            try:
                yield (level, option), listening.getsockopt(level, option)
            except OSError:
                continue  # not one of this family's
