"""
The sockets of a worker's ports.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from typing import Any, Union

from twisted_cluster.events import SocketName

# In a class that has a socket the module's name means that.
AnySocket = socket.socket
Value = Union[int, bytes]
NOTHING = errno.EAGAIN
STREAM = int(socket.SOCK_STREAM)


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
        self._set: dict[tuple[int, int], Value] = {}

    def handOn(self, accepted: socket.socket) -> None:
        """
        Set on a connection what was set here.
        """
        for (level, option), value in self._set.items():
            try:
                accepted.setsockopt(level, option, value)
            except OSError:
                pass  # one that means nothing to a connection

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


def _nothing() -> None:
    """
    There is nothing to do.
    """


class PolledSocket(PortSocket):
    """
    A listening socket that this worker accepts from itself.
    """

    def __init__(
        self,
        fd: int,
        drops: Callable[[], bool],
        expect: Callable[[], None],
        isShared: bool = False,
    ) -> None:
        """
        @param drops: Whether the next connection is one too many, and to be closed.
        @param expect: Called before one is accepted: there is to be a number for it.
        @param isShared: Whether it is the primary's, and others' as well: then what is
            set on it its connections have, and it stays as it is.
        """
        # Called when it listens no more, though nobody here has wanted that.
        self.broken: Callable[[], None] = _nothing
        super().__init__(fd)
        self._drops = drops
        self._expect = expect
        self._isShared = isShared
        self._family = int(self.family)

    def setsockopt(self, level: int, option: int, *value: Any) -> None:
        if self._isShared and len(value) == 1:
            self._set[level, option] = value[0]
        else:
            super().setsockopt(level, option, *value)

    def getsockopt(self, level: int, option: int, *size: int) -> Any:
        said = self._set.get((level, option))
        if said is not None and isinstance(said, bytes) == bool(size):
            return said[: size[0]] if isinstance(said, bytes) else said
        return super().getsockopt(level, option, *size)

    def accept(self) -> tuple[socket.socket, Any]:
        """
        @raise BlockingIOError: If there is nothing to serve just now.
        """
        if self.isReleased:
            # The loop may still be told of what came before.
            raise BlockingIOError(NOTHING, os.strerror(NOTHING))
        self._expect()
        try:
            fd, name = self._accept()  # type: ignore[attr-defined]
        except OSError as error:
            if error.errno == errno.EINVAL:
                self.broken()
                raise BlockingIOError(NOTHING, os.strerror(NOTHING)) from error
            raise
        # As the socket module does it, but for the names that it has for kinds.
        accepted = AnySocket(self._family, STREAM, 0, fd)
        if self._drops():
            accepted.close()
            raise BlockingIOError(NOTHING, os.strerror(NOTHING))
        if self._set:
            self.handOn(accepted)
        return accepted, name
