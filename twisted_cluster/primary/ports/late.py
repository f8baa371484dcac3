"""
Sockets with a file: to bind one takes as long as whoever serves its file system likes,
which may be the worker that has asked for it.
"""

from __future__ import annotations

from functools import partial

from twisted_cluster.events import UNIX, ListenSpec
from twisted_cluster.primary.ports.binding import Bound, bind
from twisted_cluster.wire import apart
from twisted_cluster.wire.user import User


def mayBeLate(spec: ListenSpec) -> bool:
    """
    Whether a socket has a file, and need not be waited for.
    """
    isFile = spec.kind == UNIX and spec.fd is None and not spec.path.startswith("\0")
    return isFile and apart.isPossible()


class Binding:
    """
    Binds one, in a thread.

    @ivar goesOn: Whether it is for somebody still: it may be done, but not taken.
    """

    def __init__(self, spec: ListenSpec, directory: str, user: User | None) -> None:
        """
        @param directory: As in L{bind}, and C{user}.
        @raise RuntimeError: If the system has no thread to spare.
        """
        self.goesOn = True
        self._call = apart.begin(partial(bind, spec, directory, user))

    def isDone(self, within: float = 0.0) -> bool:
        """
        Whether it is over.

        @param within: Seconds to wait for that at most.
        """
        return self._call.isDone(within)

    def take(self) -> Bound:
        """
        What it has come to; it is over.

        @raise OSError: As L{bind} says.
        """
        self.goesOn = False
        return self._call.result()

    def leave(self) -> None:
        """
        Nobody wants it, unless it was taken: nothing is left of it when it is over.
        """
        if self.goesOn:
            self.goesOn = False
            if not self._call.leave(Bound.release):
                self._call.result().release()
