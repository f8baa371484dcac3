"""
The page of one worker's life: counters that are read without a system call.

Only this worker and the primary have it, so that a worker can lie about itself alone.
"""

from __future__ import annotations

import errno
import mmap
import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol, cast

from twisted_cluster.errors import VersionError
from twisted_cluster.wire import memfd

VERSION = 1
CELL = 8
# The counters in use, and as many again for those to come.
CELLS = 32
# Sums and differences of two fit into a signed number of 64 bits.
LARGEST_COUNT = (1 << 62) - 1
HOUR = 3_600_000_000_000
SITTING = 1
ATTACHED = 2
# Where those are that are read most often.
TAKEN, OPENED, CLOSED = 2, 3, 4
# Which counter is written before there is a page.
_STACKS = 15
# Where it counts what it accepts itself, by the listeners' numbers as far as they differ
# in so many.
_ACCEPTED, _LISTENERS = 24, 8
# So far a float is exact.
EXACT = 1 << 53


class Cells(Protocol):
    """
    Some numbers.
    """

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> int: ...

    def __setitem__(self, index: int, value: int, /) -> None: ...


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
    worker, but for L{waiting} and L{down}. What is read is not negative, and bounded,
    whatever has been written.

    A store is one aligned 8-byte write, so that a reader in another process sees
    either the old number or the new one.

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
    up = _counter(17)
    down = _counter(18)

    _map: mmap.mmap | None
    cells: Cells
    ended: Cells
    _views: Sequence[memoryview] = ()

    def __init__(self, fd: int, tallies: int = 0, isMapped: bool = True) -> None:
        """
        @param fd: An open file; this owns it from now on.
        @param tallies: How many tallies the worker keeps besides.
        @param isMapped: Whether nobody can make the file shorter.
        @raise OSError: If the file is too short, or the system has no room for it.
        """
        self._fd = self._own = fd
        self._tallies = tallies
        if not isMapped:
            self._map = None
            self._own = _opened(fd)
            self.ended = _FileCells(self._own, CELLS, tallies)
            self.cells = _FileCells(self._own, 0, CELLS)
            return
        try:
            self._map = mmap.mmap(fd, (CELLS + tallies) * CELL)
        except ValueError as error:
            os.close(fd)
            raise OSError(f"descriptor {fd} is no page: {error}") from None
        except BaseException:
            os.close(fd)
            raise
        self._show(self._map)

    def _show(self, memory: mmap.mmap | bytearray) -> None:
        self.cells, self.ended, _ = self._views = _viewsOf(memory)

    @classmethod
    def create(cls, tallies: int = 0) -> Page:
        """
        Make a new one, all zeros.

        @raise OSError: If the system has no room for one.
        """
        fd, isSealed = _sealed((CELLS + tallies) * CELL)
        page = cls(fd, tallies, isSealed)
        page.cells[0] = VERSION
        return page

    @classmethod
    def inherit(cls, fd: int, tallies: int = 0) -> Page:
        """
        Map the one that the primary made.

        @raise OSError: If it is none.
        @raise VersionError: If its cells mean something else than here.
        """
        page = cls(fd, tallies)
        if page.cells[0] != VERSION:
            page.close()
            raise VersionError(f"a page of version {page.cells[0]}: here it is {VERSION}")
        return page

    def fileno(self) -> int:
        """
        The file's descriptor.
        """
        return self._fd

    def accept(self, listener: int) -> None:
        """
        The worker has accepted a connection from a socket of its own.

        @param listener: The number of the listener whose socket that is.
        """
        self.cells[_ACCEPTED + listener % _LISTENERS] += 1

    def acceptedBy(self, listener: int) -> int:
        """
        How many that were; others may count as the same listener's.
        """
        return min(self.cells[_ACCEPTED + listener % _LISTENERS], LARGEST_COUNT)

    @property
    def accepted(self) -> int:
        """
        How many that were, by whatever listener.
        """
        return sum(map(self.acceptedBy, range(_LISTENERS)))

    def close(self) -> None:
        """
        Let go of the file. What was said last stays readable here.
        """
        fd, self._fd = self._fd, -1
        if fd < 0:
            return
        # Copies, for the map has a descriptor of its own for as long as it is there.
        views, map, size = self._views, self._map, (CELLS + self._tallies) * CELL
        copy = bytearray(_read(self._own, size, 0) if map is None else map)
        os.close(fd)
        if self._own != fd:
            os.close(self._own)
        self._show(copy.ljust(size, b"\0"))
        if map is None:
            return
        for view in views:
            view.release()
        map.close()


def _viewsOf(
    memory: mmap.mmap | bytearray,
) -> tuple[memoryview[int], memoryview[int], memoryview]:
    """
    @return: The counters, the tallies, and what has to be released after them.
    """
    whole = memoryview(memory).cast("Q")
    return whole[:CELLS], whole[CELLS:], whole


def tellSignal(fd: int, number: int) -> None:
    """
    Write L{Page.stacks}, before there is a page of it in this process.

    @param fd: The page's file.
    @raise OSError: If it is none.
    """
    os.pwrite(fd, number.to_bytes(CELL, sys.byteorder), _STACKS * CELL)


class _FileCells:
    """
    Cells of a file that the worker can make shorter: mapped, that would be the end of who
    reads it (SIGBUS). What is not there is 0.
    """

    def __init__(self, fd: int, first: int, count: int) -> None:
        self._fd = fd
        self._first = first
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> int:
        data = _read(self._fd, CELL, (self._first + index) * CELL)
        return int.from_bytes(data, sys.byteorder)

    def __setitem__(self, index: int, value: int) -> None:
        data = value.to_bytes(CELL, sys.byteorder)
        # In a file that was made shorter there may be no room for it.
        with suppress(OSError):
            os.pwrite(self._fd, data, (self._first + index) * CELL)


def _opened(fd: int) -> int:
    """
    @return: Another descriptor of a file: what the worker sets on the one that it has, so
        that it appends or reads whole pages only, is not so with this. Where the system
        cannot open it once more it is the same.
    """
    try:
        return os.open(f"/proc/self/fd/{fd}", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return fd


def _read(fd: int, size: int, offset: int) -> bytes:
    """
    @return: What is there, as far as it can be read.
    """
    try:
        return os.pread(fd, size, offset)
    except OSError:
        return b""


def _sealed(size: int) -> tuple[int, bool]:
    """
    @return: A file of so many bytes, and whether nobody can make it shorter: a worker
        that did would kill the primary with SIGBUS. Where the system has no such files,
        or refuses them, it is a nameless one, which the primary does not map.
    """
    try:
        return memfd.ofSize(size), True
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE):
            raise
    with tempfile.TemporaryFile() as nameless:
        _reserve(nameless.fileno(), size)
        return os.dup(nameless.fileno()), False


def _reserve(fd: int, size: int) -> None:
    """
    Make a file so long. One that has holes kills who writes to it with SIGBUS when the
    disk is full; where the system can it has none.

    @raise OSError: If the disk has no room for it.
    """
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(fd, 0, size)
    else:
        os.ftruncate(fd, size)
