"""
Closing what another process has as well, without waiting for it.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

from twisted_cluster.wire.closing import discard

# Seconds from one look at the closing thread to the next, also after something took long,
# and to the next interruption.
LOOK = 0.01
CLOSE_LOOK = 0.003
AGAIN = 0.001
# After so many looks at which nothing was new it is not looked at until there is.
IDLE = 90


class PromptCloser:
    """
    Closes in the thread that calls it. Whoever closes a socket last waits for as long as
    has been set on it (SO_LINGER), also if it does not block. Who has been given it may
    set that, and be faster at closing it. A signal ends the wait, and the socket is
    closed all the same; another thread sends one when that is due.
    """

    def __init__(self) -> None:
        self._fds: Sequence[int] = ()
        self._isClosing = False
        # What took long.
        self._late: Sequence[int] = ()
        self._isWatched = False
        self._isIdle = False
        self._look = LOOK
        self._news = threading.Event()
        self._closing = self._native = 0

    def close(self, fds: Sequence[int]) -> bool:
        """
        Close descriptors; those behind one that took long, soon.

        @param fds: No other call has the same sequence.
        @return: L{False} if there was something to wait for.
        """
        self._fds = fds
        self._isClosing = True
        if self._isIdle or not self._isWatched:
            self._beWatched()
        try:
            left = iter(fds)
            for fd in left:
                os.close(fd)
                if self._late is fds:
                    discard(left)
        finally:
            self._isClosing = False
        return self._late is not fds

    def _beWatched(self) -> None:
        self._closing = threading.get_ident()
        self._native = threading.get_native_id()
        self._isIdle = False
        self._news.set()
        if self._isWatched:
            return
        # Without one, as where the system has none to spare, it is tried again.
        with suppress(RuntimeError):
            threading.Thread(target=self._watch, name="prompt", daemon=True).start()
            self._isWatched = True

    def _watch(self) -> None:
        looks = 0
        while True:
            before = self._fds
            time.sleep(self._look)
            if self._fds is not before:
                looks = 0
            elif self._isClosing:
                self._interrupt(before)
            else:
                looks += 1
            if looks > IDLE:
                looks, self._look = 0, LOOK
                self._rest()

    def _rest(self) -> None:
        self._news.clear()
        self._isIdle = True
        # What came before it was said is new all the same.
        if not self._isClosing:
            self._news.wait()
        self._isIdle = False

    def _interrupt(self, fds: Sequence[int]) -> None:
        while self._isClosing and self._fds is fds:
            where = _sleepsIn(self._native)
            if where is None or where:
                # Its handler is the reactor's, which looks for children that have ended.
                signal.pthread_kill(self._closing, signal.SIGCHLD)
            if where and self._isClosing and self._fds is fds:
                self._late, self._look = fds, CLOSE_LOOK
            time.sleep(AGAIN)


def _sleepsIn(thread: int) -> str | None:
    """
    @param thread: The system's number of it.
    @return: Which of the kernel's functions a thread sleeps in; nothing if it only has no
        CPU, or waits for Python's own lock. L{None} where the system does not tell.
    """
    try:
        with open(f"/proc/self/task/{thread}/wchan") as file:
            where = file.read()
    except OSError:
        return None
    return "" if where == "0" or where.startswith("futex") else where


prompt = PromptCloser()
