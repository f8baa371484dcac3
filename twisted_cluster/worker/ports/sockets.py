"""
The sockets of a worker's ports.
"""

from __future__ import annotations

import errno
import os
import socket
from collections import deque
from collections.abc import Callable
from typing import Any

from twisted_cluster.wire.handoff import Handed
from twisted_cluster.worker.ports.counted import CountedSocket, Endings

NOTHING = errno.EAGAIN


class PortSocket(socket.socket):
    """
    A port's socket, which it can let go of and still say where it was.
    """

    _name: Any = None

    def getsockname(self) -> Any:
        return super().getsockname() if self._name is None else self._name

    def release(self) -> None:
        """
        Let go of what is bound, but stay an open socket.
        """
        self._name = self.getsockname()
        with socket.socket(self.family, self.type) as unbound:
            os.dup2(unbound.fileno(), self.fileno(), inheritable=False)


class DeliveredSocket(PortSocket):
    """
    A listening socket whose C{accept} gives what was handed over.
    """

    def __init__(self, fd: int, endings: Endings | None = None) -> None:
        """
        @param endings: Where to count the ends of its connections, if that matters.
        """
        super().__init__(fileno=fd)
        self.handed: deque[Handed] = deque()
        self._endings = endings

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
        return accepted, connection.name or _peerOf(accepted)


class PolledSocket(PortSocket):
    """
    A listening socket that this worker accepts from itself.
    """

    def __init__(self, fd: int, drops: Callable[[], bool]) -> None:
        """
        @param drops: Whether the next connection is one too many, and to be closed.
        """
        super().__init__(fileno=fd)
        self._drops = drops

    def accept(self) -> tuple[socket.socket, Any]:
        """
        @raise BlockingIOError: If there is nothing to serve just now.
        """
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
