"""
Numbers in a file, which several processes have.
"""

from __future__ import annotations

import mmap
from pathlib import Path

CELLS = 8


def _cell(index: int) -> property:
    def read(counters: Counters) -> int:
        return counters._cells[index]

    def write(counters: Counters, value: int) -> None:
        counters._cells[index] = value

    return property(read, write)


class Counters:
    """
    Each has one writer.

    @ivar said: How many things have been said, by all lives.
    @ivar turns: Of the primary's loop.
    @ivar longest: The longest of them, in nanoseconds.
    @ivar busiest: The most processor time that one took, in the same.
    @ivar slow: How many took longer than L{SLOW}.
    """

    said = _cell(0)
    turns = _cell(1)
    longest = _cell(2)
    busiest = _cell(3)
    slow = _cell(4)

    def __init__(self, path: str | Path) -> None:
        with open(path, "r+b") as file:
            self._map = mmap.mmap(file.fileno(), CELLS * 8)
        self._cells = memoryview(self._map).cast("Q")

    @staticmethod
    def make(path: Path) -> Counters:
        """
        Make the file.
        """
        path.write_bytes(bytes(CELLS * 8))
        return Counters(path)
