"""
Who waits at sockets of a group, as long as nobody accepts from them.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Iterable
from contextlib import suppress

ENDED = getattr(select, "EPOLLHUP", 0)


class Unaccepted:
    """
    Knows which sockets are not empty.

    @ivar idle: Tells of those that nobody accepts from.
    """

    def __init__(self) -> None:
        """
        @raise OSError: If no descriptor is free for it.
        """
        self.idle, self._all = select.epoll(), select.epoll()
        # Those that somebody accepts from, and those that are emptied just now.
        self._served: set[socket.socket] = set()
        self._held: set[socket.socket] = set()

    def add(self, member: socket.socket) -> None:
        """
        There is one more, from which nobody accepts.
        """
        self.idle.register(member, select.EPOLLIN)
        self._all.register(member, select.EPOLLIN)

    def drop(self, member: socket.socket) -> None:
        """
        One is nobody's any more.
        """
        self._served.discard(member)
        self._held.discard(member)
        for poll in (self.idle, self._all):
            with suppress(OSError):
                poll.unregister(member)

    def serve(self, member: socket.socket, isServed: bool) -> None:
        """
        Somebody accepts from one; or nobody does.
        """
        self._note(self._served, member, isServed)

    def hold(self, member: socket.socket, isHeld: bool) -> None:
        """
        One is emptied, which may take as long as others like; or that is over.
        """
        self._note(self._held, member, isHeld)

    def _note(self, which: set[socket.socket], member: socket.socket, isIn: bool) -> None:
        if (member in which) != isIn:
            (which.add if isIn else which.discard)(member)
            isIdle = member not in self._served and member not in self._held
            with suppress(OSError):
                self.idle.modify(member, select.EPOLLIN if isIdle else 0)

    def among(self, members: Iterable[socket.socket]) -> list[socket.socket]:
        """
        Those that are not empty, although nobody takes what is in them.
        """
        told = dict(self.idle.poll(0))
        found = []
        for one in members:
            events = told.get(one.fileno(), 0)
            if events & ENDED:
                # It would be told of until it is another's turn to look.
                self.idle.unregister(one)
            elif events & select.EPOLLIN:
                # Not where there is no more than an error, which its worker is to read.
                found.append(one)
        return found

    def full(self) -> set[int]:
        """
        The numbers of all that are not empty.
        """
        return {fd for fd, events in self._all.poll(0) if events & select.EPOLLIN}

    def close(self) -> None:
        """
        Look at nothing any more.
        """
        self.idle.close()
        self._all.close()
