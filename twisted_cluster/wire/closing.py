"""
Closing what other processes may have had a hand in: that can take as long as they like.
"""

from __future__ import annotations

import _thread
import os
import socket
import struct
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from threading import Lock

from twisted_cluster.wire.options import setOption

# Threads at a time; each is there for as long as there is something to close.
MOST = 16
_NO_LINGER = struct.pack("ii", 0, 0)
# Gives what lies in a descriptor, and is closed before it.
Within = Callable[[int], Iterable[int]]


def _nothing(fd: int) -> Iterable[int]:
    return ()


class Closer:
    """
    Closes descriptors in threads of its own.

    A socket takes as long as its SO_LINGER says, also if it does not block; a UNIX socket
    as long as those take that lie in it unread; a file as long as whoever serves its file
    system, which may be the process that has sent it.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._waiting: deque[tuple[int, Within]] = deque()
        self._threads = 0

    def close(self, fds: Iterable[int], within: Within = _nothing) -> None:
        """
        Have descriptors closed soon, and not wait for that.
        """
        with self._lock:
            self._waiting.extend((fd, within) for fd in fds)
            if not self._waiting or self._threads >= MOST:
                return
            self._threads += 1
        try:
            # A Thread would be waited for until it runs: where others do for as long as
            # these like.
            _thread.start_new_thread(self._run, ())
        except RuntimeError:
            # The system has none to spare just now: with what is closed next.
            with self._lock:
                self._threads -= 1

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._threads -= 1
                    return
                fd, within = self._waiting.popleft()
            # Whatever it raises: this thread is one of a few.
            with suppress(Exception):
                for inner in within(fd):
                    self._waiting.append((inner, _nothing))
            with suppress(OSError):
                # Of what is no socket it changes nothing.
                setOption(fd, socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            with suppress(OSError):
                os.close(fd)


_closer = Closer()


def discard(fds: Iterable[int], within: Within = _nothing) -> None:
    """
    Close descriptors that another process has sent, and that nobody here wants; soon.

    @param within: Takes out of one what is to be closed by itself. Called in a thread.
    """
    _closer.close(fds, within)


def discardEnd(end: socket.socket) -> None:
    """
    Close a UNIX socket in which may lie what another process has sent. The other end sees
    it at once, the descriptor is free soon. One that is closed already is let be.
    """
    if end.fileno() >= 0:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        discard((end.detach(),))
