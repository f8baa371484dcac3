"""
Which sockets somebody has read from who is at their other ends.
"""

from __future__ import annotations

import select
from collections.abc import Iterable

MOST_EVENTS = 256
_Epoll = getattr(select, "epoll", None)


class Emptied:
    """
    Tells of UNIX sockets each time that something which was sent has been received.

    @see: unix(7); epoll(7), EPOLLET: there is room again, each time anew.
    @ivar isPossible: Whether the system says so.
    """

    def __init__(self) -> None:
        self.isPossible = _Epoll is not None
        self._poller = select.epoll() if self.isPossible else None

    def fileno(self) -> int:
        """
        A descriptor that can be read when there is something to tell; -1: never.
        """
        return -1 if self._poller is None else self._poller.fileno()

    def add(self, fd: int) -> None:
        """
        Watch the end that is sent from.

        @raise OSError: If the system has no room for it.
        """
        if self._poller is not None:
            self._poller.register(fd, select.EPOLLOUT | select.EPOLLET)

    def remove(self, fd: int) -> None:
        """
        Watch it no more; to be called before it is closed.

        @raise OSError: If it is not watched.
        """
        if self._poller is not None:
            self._poller.unregister(fd)

    def since(self) -> Iterable[int]:
        """
        @return: Of which this has not been told yet: their descriptors.
        """
        if self._poller is None:
            return ()
        return [fd for fd, _ in self._poller.poll(0, MOST_EVENTS)]
