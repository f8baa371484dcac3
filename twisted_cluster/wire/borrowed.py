"""
A socket object for a descriptor that is somebody else's.
"""

from __future__ import annotations

import errno
import os
import socket
import stat


class Borrowed:
    """
    C{with Borrowed(fd) as lent}: a socket, which is not closed at the end.
    """

    def __init__(self, fd: int) -> None:
        self._lent = socket.socket(fileno=fd)

    def __enter__(self) -> socket.socket:
        return self._lent

    def __exit__(self, *failure: object) -> None:
        self._lent.detach()


class Unasked:
    """
    C{with Unasked(fd) as lent}: the same for one that another process may have as well,
    and may have locked. To make a socket object Python asks a descriptor for its name,
    which may wait for the lock, and lets no thread run meanwhile.

    What C{lent} says of its family is not so; C{getpeername}, C{getsockname} and C{recv}
    let other threads run.
    """

    def __init__(self, fd: int) -> None:
        """
        @raise OSError: If it is no socket.
        """
        if not _isSocket(fd):
            raise OSError(errno.ENOTSOCK, os.strerror(errno.ENOTSOCK))
        self._lent = socket.socket()
        try:
            os.dup2(fd, self._lent.fileno(), inheritable=False)
        except BaseException:
            self._lent.close()
            raise

    def __enter__(self) -> socket.socket:
        return self._lent

    def __exit__(self, *failure: object) -> None:
        self._lent.close()


def _isSocket(fd: int) -> bool:
    """
    Whether a descriptor is a socket; where the system can say so, a file's own file
    system is not asked.
    """
    try:
        return os.readlink(f"/proc/self/fd/{fd}").startswith("socket:")
    except OSError:
        return stat.S_ISSOCK(os.fstat(fd).st_mode)


def familyOf(lent: socket.socket) -> int:
    """
    @return: What a socket's family really is, of one that is L{Unasked}.
    """
    if hasattr(socket, "SO_DOMAIN"):
        return lent.getsockopt(socket.SOL_SOCKET, socket.SO_DOMAIN)
    name = lent.getsockname()
    if not isinstance(name, tuple):
        return socket.AF_UNIX
    return socket.AF_INET if len(name) == 2 else socket.AF_INET6
