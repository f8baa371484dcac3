"""
The page.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import time
from contextlib import suppress
from random import Random

from tests.fuzz.saying.chance import oddNumber
from tests.fuzz.saying.ends import Ends

CELL = 8
F_ADD_SEALS = getattr(fcntl, "F_ADD_SEALS", 1033)


class PageFuzzer:
    """
    Writes on the page, and does to its file what the system lets it.
    """

    def __init__(self, ends: Ends) -> None:
        self._fd = ends.page
        self._map = mmap.mmap(ends.page, os.fstat(ends.page).st_size)
        self._cells = memoryview(self._map).cast("Q")

    def act(self, random: Random, wildness: float) -> bool:
        """
        @see: L{tests.fuzz.saying.control.ControlFuzzer.act}
        """
        if random.random() < wildness:
            self._wild(random)
            return True
        cells = self._cells
        cells[1] = time.monotonic_ns()
        at = random.randrange(len(cells))
        near = cells[at] + random.choice((-1, 1, 1000, -1000, 10**9))
        cells[at] = random.choice((oddNumber(random), near)) & (1 << 64) - 1
        return True

    def _wild(self, random: Random) -> None:
        kind, size = random.randrange(6), len(self._map)
        # Each is refused, where the page is sealed.
        with suppress(OSError, ValueError):
            if kind == 0:
                os.ftruncate(self._fd, random.choice((0, 1, size - 1, size + 1, 1 << 40)))
            elif kind == 1:
                fcntl.fcntl(self._fd, F_ADD_SEALS, random.randrange(32))
            elif kind == 2:
                os.pwrite(self._fd, random.randbytes(64), random.randrange(2 * size))
            elif kind == 3:
                self._map[:] = random.choice((bytes(size), b"\xff" * size))
            elif kind == 4:
                self._map[:] = random.randbytes(size)
            else:
                os.posix_fallocate(self._fd, 0, 1 << 20)

    def close(self) -> None:
        """
        Let go of it.
        """
        self._cells.release()
        self._map.close()
