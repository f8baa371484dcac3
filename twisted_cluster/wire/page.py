"""
The page of one worker's life: counters that are read without a system call.

Only this worker and the primary have it, so that a worker can lie about itself alone.
"""

from __future__ import annotations

import os
import sys
from typing import cast

from twisted_cluster.errors import VersionError
from twisted_cluster.wire.pagefile import CELL, Cells, PageFile

VERSION = 1
# The counters in use, and as many again for those to come.
CELLS = 32
# Sums and differences of two fit into a signed number of 64 bits.
LARGEST_COUNT = (1 << 62) - 1
HOUR = 3_600_000_000_000
SITTING = 1
ATTACHED = 2
# Where those are that are read most often.
TAKEN, OPENED, CLOSED, SENT = 2, 3, 4, 19
UP, DOWN = 17, 18
# Which counter is written before there is a page.
_STACKS = 15
# Where it counts what it accepts itself, by the listeners' numbers as far as they differ
# in so many.
_ACCEPTED, LISTENERS = 24, 8
# So far a float is exact.
EXACT = 1 << 53


def _counter(index: int, most: int = LARGEST_COUNT) -> int:
    # A mask costs more than a comparison, and makes small numbers of large ones.
    def read(page: Page) -> int:
        value = page.cells[index]
        return value if value < most else most

    def write(page: Page, value: int) -> None:
        page.cells[index] = value

    return cast(int, property(read, write))


class Page:
    """
    One worker's counters, each an unsigned 64-bit number. Each has one writer: the
    worker, but for L{waiting}, L{down} and L{sent}. What is read is not negative, and
    bounded, whatever has been written.

    @ivar heartbeat: Monotonic nanoseconds at the worker's last sign of life.
    @ivar taken: Connections received from the handoff queue.
    @ivar opened: Connections begun.
    @ivar closed: Connections ended.
    @ivar lag: Nanoseconds by which the worker's event loop is late: a moving average,
        an hour at most.
    @ivar headroom: Descriptors that the worker could still open when L{counted} was
        written.
    @ivar counted: What L{taken} was then: what has been handed over since, beyond that,
        takes of the headroom too. The worker writes it after the headroom, so that the
        primary expects too little rather than too much.
    @ivar waiting: Not 0 while the primary wants to know that something was taken; it
        writes that itself.
    @ivar born: Monotonic nanoseconds at its first sign of life.
    @ivar cpu: Millionths of a CPU that it used in the last second.
    @ivar rss: Its resident memory, in bytes.
    @ivar lost: Connections that it was handed and that the kernel closed, because no
        descriptor was free for them.
    @ivar cut: Connections that it had still when its time to finish them was over.
    @ivar held: L{SITTING} while somebody sits at the prompt of Python's debugger,
        L{ATTACHED} while another is in the worker, else 0.
    @ivar stacks: The signal upon which it writes where it is; 0 if there is none.
    @ivar told: Monotonic nanoseconds when a signal has told it to end, whether its loop
        turns or not; 0 if none has.
    @ivar up: How many messages the worker has sent on the control channel.
    @ivar down: How many the primary has, which writes that.
    @ivar sent: Connections put into the handoff queue, without those that were taken
        back: the primary writes it, before it puts them there.
    @ivar ended: How many connections the worker has ended, by what they count as.
    @ivar cells: All of these as they were written, for whoever has no time for the calls
        that bound them.
    @see: L{twisted_cluster.core.counting}
    """

    # Cell 0 is the version.
    heartbeat = _counter(1)
    taken = _counter(TAKEN)
    opened = _counter(OPENED)
    closed = _counter(CLOSED)
    lag = _counter(5, HOUR)
    headroom = _counter(6, EXACT)
    waiting = _counter(7)
    born = _counter(8)
    cpu = _counter(9, EXACT)
    rss = _counter(10, EXACT)
    counted = _counter(11)
    lost = _counter(12)
    cut = _counter(13)
    held = _counter(14)
    stacks = _counter(_STACKS)
    told = _counter(16)
    up = _counter(UP)
    down = _counter(DOWN)
    sent = _counter(SENT)

    cells: Cells
    ended: Cells

    def __init__(self, file: PageFile) -> None:
        """
        @param file: Where they are; this owns it from now on.
        """
        self._file = file
        self._show()

    def _show(self) -> None:
        self.cells, self.ended = self._file.first, self._file.second

    @classmethod
    def create(cls, tallies: int = 0) -> Page:
        """
        Make a new one, all zeros.

        @param tallies: How many tallies the worker keeps besides.
        @raise OSError: If the system has no room for one.
        """
        page = cls(PageFile.create(CELLS, tallies))
        page.cells[0] = VERSION
        return page

    @classmethod
    def inherit(cls, fd: int, tallies: int = 0) -> Page:
        """
        Map the one that the primary made.

        @param fd: Its file; the page owns it from now on.
        @raise OSError: If it is none.
        @raise VersionError: If its cells mean something else than here.
        """
        page = cls(PageFile(fd, CELLS, tallies))
        if page.cells[0] != VERSION:
            page.close()
            raise VersionError(f"a page of version {page.cells[0]}: here it is {VERSION}")
        return page

    def fileno(self) -> int:
        """
        The file's descriptor.
        """
        return self._file.fileno()

    def accept(self, listener: int) -> None:
        """
        The worker has accepted a connection from a socket of its own.

        @param listener: The number of the listener whose socket that is.
        """
        self.cells[_ACCEPTED + listener % LISTENERS] += 1

    def acceptedBy(self, listener: int) -> int:
        """
        How many that were; others may count as the same listener's.
        """
        return min(self.cells[_ACCEPTED + listener % LISTENERS], LARGEST_COUNT)

    @property
    def accepted(self) -> int:
        """
        How many that were, by whatever listener.
        """
        return sum(map(self.acceptedBy, range(LISTENERS)))

    def close(self) -> None:
        """
        Let go of the file. What was said last stays readable here.
        """
        self._file.keep()
        self._show()
        self._file.close()


def tellSignal(fd: int, number: int) -> None:
    """
    Write L{Page.stacks}, before there is a page of it in this process.

    @param fd: The page's file.
    @raise OSError: If it is none.
    """
    os.pwrite(fd, number.to_bytes(CELL, sys.byteorder), _STACKS * CELL)
