"""
A socket object for a descriptor that is somebody else's.
"""

from __future__ import annotations

import socket


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
