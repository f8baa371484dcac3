"""
The sockets of a worker's ports.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from typing import Any

from twisted_cluster.events import SocketName

# In a class that has a socket the module's name means that.
AnySocket = socket.socket
NOTHING = errno.EAGAIN


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
