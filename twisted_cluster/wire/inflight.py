"""
Who has descriptors on their way: sent to a socket, and not received. Linux tells.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import islice
from threading import Thread

SAID = b"scm_fds:"
# A process may have a million descriptors, and more children than are of interest.
MOST_LOOKED_AT = 100_000
MOST_OF_FAMILY = 64


class Count:
    """
    Counts them, in a thread: that may take a second.

    @ivar found: How many each has, with its children, by number; L{None} until that is
        known.
    """

    def __init__(self, pids: Iterable[int]) -> None:
        """
        @raise RuntimeError: If the system has no thread to spare.
        """
        self.found: Mapping[int, int] | None = None
        self._pids = list(pids)
        Thread(target=self._run, name="counting", daemon=True).start()

    def _run(self) -> None:
        found: dict[int, int] = {}
        try:
            for pid in self._pids:
                found[pid] = sum(map(inFlight, _familyOf(pid)))
        finally:
            # Who waits for it would wait for ever.
            self.found = found


def inFlight(pid: int) -> int:
    """
    @return: How many lie in the sockets that a process has open; 0 where nobody may know.
    """
    count, place = 0, f"/proc/{pid}/fdinfo"
    with suppress(OSError), os.scandir(place) as names:
        for name in islice(names, MOST_LOOKED_AT):
            with suppress(OSError), open(name.path, "rb") as told:
                count += _saidIn(told.read(4096))
    return count


def _saidIn(text: bytes) -> int:
    found = text.partition(SAID)[2].split(None, 1)
    return int(found[0]) if found else 0


def _familyOf(pid: int) -> list[int]:
    """
    A process, and what has come of it.
    """
    family = [pid]
    for one in family:
        if len(family) >= MOST_OF_FAMILY:
            break
        with suppress(OSError), open(f"/proc/{one}/task/{one}/children", "rb") as told:
            family += map(int, told.read(4096).split())
    return family[:MOST_OF_FAMILY]
