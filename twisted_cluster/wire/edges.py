"""
Waits for many sockets at a time to have more than they had.
"""

from __future__ import annotations

import select as _select
from collections.abc import Iterator
from typing import Any

# What it has differs between systems.
select: Any = _select
MOST_EVENTS = 256


class Edges:
    """
    Tells of a socket once each time that something new has come, though nobody reads what
    came before: what lies there does not make it spin.

    @see: epoll(7), EPOLLET; kqueue(2), EV_CLEAR.
    """

    def __init__(self) -> None:
        self._isEpoll = hasattr(select, "epoll")
        self._poller = select.epoll() if self._isEpoll else select.kqueue()
        self.fileno = self._poller.fileno

    def add(self, fd: int) -> None:
        """
        Watch a socket; if it has something already, that is news.

        @raise OSError: If the system has no room for it.
        """
        if self._isEpoll:
            events = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLET
            self._poller.register(fd, events)
        else:
            self._control(fd, select.KQ_EV_ADD | select.KQ_EV_CLEAR)

    def remove(self, fd: int) -> None:
        """
        Watch it no more. To be called before it is closed: others may have it open.
        """
        if self._isEpoll:
            self._poller.unregister(fd)
        else:
            self._control(fd, select.KQ_EV_DELETE)

    def news(self) -> Iterator[tuple[int, bool]]:
        """
        @return: Pairs of a descriptor and whether nothing more can come.
        """
        if self._isEpoll:
            ended = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR
            for fd, events in self._poller.poll(0, MOST_EVENTS):
                yield fd, bool(events & ended)
        else:
            for event in self._poller.control(None, MOST_EVENTS, 0):
                yield event.ident, bool(event.flags & select.KQ_EV_EOF)

    def close(self) -> None:
        """
        Watch nothing any more.
        """
        self._poller.close()

    def _control(self, fd: int, flags: int) -> None:
        event = select.kevent(fd, select.KQ_FILTER_READ, flags)
        self._poller.control([event], 0, 0)
