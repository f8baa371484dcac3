"""
What a worker has closed of what came by a socket, where the kernel can see it at once.
"""

from __future__ import annotations

import mmap

CELL = 8


class Closings:
    """
    A count in memory that the worker of one socket writes, and a program of the kernel
    reads. Who has it can lie of that socket alone, and not for long: the primary tells
    the program what is true.
    """

    def __init__(self, fd: int) -> None:
        """
        @param fd: A map of L{twisted_cluster.wire.bpf.makeBoard}, which stays open.
        @raise OSError: If it is none.
        """
        self._memory = mmap.mmap(fd, mmap.PAGESIZE)
        self._cells = memoryview(self._memory)[:CELL].cast("Q")

    @property
    def count(self) -> int:
        """
        How many there were, for whichever workers.
        """
        return self._cells[0]

    def add(self) -> None:
        """
        One more.
        """
        self._cells[0] = self._cells[0] + 1 & (1 << 64) - 1
