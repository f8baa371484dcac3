"""
Sockets that a worker has to hold, and must not hold longer than there is a primary.
"""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

from twisted.internet.abstract import FileDescriptor
from twisted.logger import Logger

log = Logger()
# A loop that turns learns by itself that the primary is gone, and then serves who waits
# in the backlog before it lets go. It has so many seconds to begin.
GRACE = 0.04
# And so many more to end: 1,024 accepts take some 50 ms, and longer where the application
# does much for each.
LONGER = 1.0


class Held(Protocol):
    """
    What is let go of.
    """

    def release(self) -> None:
        """
        Let go; again: nothing.
        """


class Orphans:
    """
    Whoever starts the service again needs its ports, though a worker of the last one
    sleeps, or computes. So a thread waits for the end of a wire. It cannot run while an
    extension holds the interpreter's lock; nothing else could either.
    """

    def __init__(self, fileno: Callable[[], int]) -> None:
        """
        @param fileno: Gives a wire that this worker never closes, and that ends with
            the primary.
        """
        self._fileno = fileno
        self._held: set[Held] = set()
        self._thread: threading.Thread | None = None
        # A number that is free when it is needed: what is let go of needs one more for a
        # moment, and this may be at its limit then.
        self._reserved = -1
        self._unattended = threading.Event()
        self._unattended.set()

    def hold(self, held: Held) -> None:
        """
        A socket is to be let go of when the primary is gone. Where there is no room for
        one more thread, it is only by who turns the loop.
        """
        self._held.add(held)
        if self._thread is not None:
            return
        thread = threading.Thread(
            target=self._wait, name="cluster: is there a primary?", daemon=True
        )
        try:
            thread.start()
        except RuntimeError as error:
            log.warn("ports stay taken while an orphan sleeps: {error}", error=error)
        else:
            self._thread = thread
            with suppress(OSError):
                self._reserved = os.dup(self._fileno())

    def forget(self, held: Held) -> None:
        """
        It is closed.
        """
        self._held.discard(held)

    @contextmanager
    def attended(self) -> Iterator[None]:
        """
        Who turns the loop lets go of sockets itself meanwhile, when it is done with them.
        """
        self._unattended.clear()
        try:
            yield
        finally:
            self._unattended.set()

    def _wait(self) -> None:
        poll = select.poll()
        # Nothing but its end, which poll always tells.
        poll.register(self._fileno(), 0)
        poll.poll()
        time.sleep(GRACE)
        self._unattended.wait(LONGER)
        if self._reserved >= 0:
            os.close(self._reserved)
        for held in list(self._held):
            try:
                held.release()
            except Exception:
                log.failure("a port of an orphan stays taken")


def stopPolling(stop: Callable[[], object], port: FileDescriptor) -> None:
    """
    Have the reactor read a port no more, whose socket may have been let go of meanwhile.

    @param stop: As a stock port does.
    """
    try:
        stop()
    except FileNotFoundError:
        # There is another socket in its place, of which epoll knows nothing. Twisted's
        # reactor is told so midway, and would take the number for read from then on.
        port.reactor._reads.discard(port.fileno())  # type: ignore[attr-defined]
