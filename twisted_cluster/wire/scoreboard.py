"""
The shared page: one row of counters per worker, read without a system call.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import tempfile
from typing import Any

ROW = 16
CELL = 8


def _counter(index: int) -> Any:
    def read(row: Row) -> int:
        return row.cells[index]

    def write(row: Row, value: int) -> None:
        row.cells[index] = value

    return property(read, write)


class Row:
    """
    One worker's counters, each an unsigned 64-bit number.

    A store is one aligned 8-byte write, so that a reader in another process sees
    either the old number or the new one.

    @ivar heartbeat: Monotonic nanoseconds at the worker's last sign of life.
    @ivar taken: Connections received from the handoff queue.
    @ivar opened: Connections begun.
    @ivar closed: Connections ended.
    @ivar lag: Nanoseconds by which the worker's event loop is late: a moving average.
    @ivar headroom: Descriptors that the worker can still open.
    @ivar waiting: Not 0 while the primary wants to know that something was taken; the
        only one that the primary writes.
    @ivar born: Monotonic nanoseconds at its first sign of life.
    @ivar cpu: Millionths of a CPU that it used in the last second.
    @ivar rss: Its resident memory, in bytes.
    """

    heartbeat: int = _counter(0)
    taken: int = _counter(1)
    opened: int = _counter(2)
    closed: int = _counter(3)
    lag: int = _counter(4)
    headroom: int = _counter(5)
    waiting: int = _counter(6)
    born: int = _counter(7)
    cpu: int = _counter(8)
    rss: int = _counter(9)

    def __init__(self, cells: memoryview[int]) -> None:
        self.cells = cells

    def clear(self) -> None:
        """
        Begin anew, for a new worker.
        """
        for index in range(ROW):
            self.cells[index] = 0


def _anonymousFile() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("twisted_cluster", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    with tempfile.TemporaryFile() as nameless:
        return os.dup(nameless.fileno())


class Scoreboard:
    """
    The page, mapped.

    @ivar fd: What a worker maps it from.
    """

    def __init__(self, fd: int, slots: int, tallies: int = 0) -> None:
        """
        @param fd: An open file; this owns it from now on.
        @param slots: How many rows it has.
        @param tallies: How many tallies each worker keeps besides.
        """
        self.fd = fd
        self.tallies = tallies
        self._slots = slots
        self._map = mmap.mmap(fd, slots * (ROW + tallies) * CELL)
        self._cells = memoryview(self._map).cast("Q")

    @classmethod
    def create(cls, slots: int, tallies: int = 0) -> Scoreboard:
        """
        Make a new one, all zeros.
        """
        fd = _anonymousFile()
        os.ftruncate(fd, slots * (ROW + tallies) * CELL)
        if hasattr(fcntl, "F_ADD_SEALS"):
            # A worker that made it shorter would kill the primary with SIGBUS.
            fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
        return cls(fd, slots, tallies)

    @classmethod
    def inherit(cls, fd: int, tallies: int = 0) -> Scoreboard:
        """
        Map the one that the primary made.
        """
        return cls(fd, os.fstat(fd).st_size // ((ROW + tallies) * CELL), tallies)

    def fileno(self) -> int:
        """
        The file's descriptor.
        """
        return self.fd

    def row(self, slot: int) -> Row:
        """
        @param slot: From 1.
        """
        return Row(self._cells[(slot - 1) * ROW : slot * ROW])

    def tally(self, slot: int) -> memoryview[int]:
        """
        How many connections a worker has ended, by what they count as.

        @param slot: From 1.
        @see: L{twisted_cluster.wire.tallies}
        """
        first = self._slots * ROW + (slot - 1) * self.tallies
        return self._cells[first : first + self.tallies]

    def clear(self, slot: int) -> None:
        """
        Begin anew, for a new worker.
        """
        self.row(slot).clear()
        self.tally(slot)[:] = memoryview(bytes(self.tallies * CELL)).cast("Q")

    def close(self) -> None:
        """
        Close the file; rows in use stay readable until they are forgotten.
        """
        os.close(self.fd)
