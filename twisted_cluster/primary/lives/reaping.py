"""
What process 1 of a container owes to orphans.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import islice

from twisted.internet import process

# In one turn: each takes some 10 us, and the next look is a second later.
MOST_REAPED = 64
# Who has started a process himself asks what became of it sooner than that; an orphan
# only holds a number meanwhile.
LEFT_ALONE = 10.0
_LOOK = os.WEXITED | os.WNOHANG | os.WNOWAIT


class Reaper:
    """
    Reaps children that nobody here has spawned: orphans are given to process 1. An
    application's own, of which only it knows, look the same until it asks for their
    exit codes: what has ended is left alone for L{LEFT_ALONE} seconds.
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        """
        @param seconds: The monotonic clock.
        """
        self._seconds = seconds
        # When those that have ended were first seen so.
        self._seen: dict[int, float] = {}

    def reap(self) -> None:
        """
        Look at those that have ended; to be called again and again.
        """
        now = self._seconds()
        strangers = _ended() - process.reapProcessHandlers.keys()
        self._seen = {pid: self._seen.get(pid, now) for pid in strangers}
        due = (pid for pid, seen in self._seen.items() if now - seen >= LEFT_ALONE)
        for pid in islice(due, MOST_REAPED):
            os.waitpid(pid, os.WNOHANG)


def _ended() -> set[int]:
    """
    @return: Children that have ended, and still hold their numbers. They are looked at
        one by one: of several C{waitid} shows the same one again and again.
    @see: waitid(2), WNOWAIT: it looks without reaping.
    """
    if not _hasEnded(os.P_ALL, 0):
        return set()
    return {pid for pid in _processes() if _hasEnded(os.P_PID, pid)}


def _hasEnded(kind: int, id: int) -> bool:
    try:
        return os.waitid(kind, id, _LOOK) is not None
    except ChildProcessError:
        return False


def _processes() -> Iterator[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdecimal())
