"""
Waits for many sockets at a time to have more than they had.
"""

from __future__ import annotations

import select
import sys
from collections.abc import Iterator

# So many at a time: who is told of them does something with each, and others wait.
MOST_EVENTS = 256

if sys.platform == "linux":
    _NEWS = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLET
    _ENDED = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR

    class Edges:
        """
        Tells of a socket once each time that something new has come, though nobody reads
        what came before: what lies there does not make it spin.

        @see: epoll(7), EPOLLET; kqueue(2), EV_CLEAR.
        """

        def __init__(self) -> None:
            self._poller = select.epoll()
            self.fileno = self._poller.fileno

        def add(self, fd: int) -> None:
            """
            Watch a socket; if it has something already, that is news.

            @raise OSError: If the system has no room for it.
            """
            self._poller.register(fd, _NEWS)

        def remove(self, fd: int) -> None:
            """
            Watch it no more. To be called before it is closed: others may have it open.
            """
            self._poller.unregister(fd)

        def news(self) -> Iterator[tuple[int, bool]]:
            """
            @return: Pairs of a descriptor and whether nothing more can come; of many,
                L{MOST_EVENTS}.
            """
            for fd, events in self._poller.poll(0, MOST_EVENTS):
                yield fd, bool(events & _ENDED)

        def close(self) -> None:
            """
            Watch nothing any more.
            """
            self._poller.close()

else:

    class Edges:
        """
        The same with kqueue.
        """

        def __init__(self) -> None:
            self._poller = select.kqueue()
            self.fileno = self._poller.fileno

        def add(self, fd: int) -> None:
            self._control(fd, select.KQ_EV_ADD | select.KQ_EV_CLEAR)

        def remove(self, fd: int) -> None:
            self._control(fd, select.KQ_EV_DELETE)

        def news(self) -> Iterator[tuple[int, bool]]:
            for event in self._poller.control(None, MOST_EVENTS, 0):
                yield event.ident, bool(event.flags & select.KQ_EV_EOF)

        def close(self) -> None:
            self._poller.close()

        def _control(self, fd: int, flags: int) -> None:
            event = select.kevent(fd, select.KQ_FILTER_READ, flags)
            self._poller.control([event], 0, 0)
