"""
The file of a page: cells that two processes share.
"""

from __future__ import annotations

import errno
import mmap
import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

from twisted_cluster.wire import memfd

CELL = 8


class Cells(Protocol):
    """
    Some numbers.
    """

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> int: ...

    def __setitem__(self, index: int, value: int, /) -> None: ...


class PageFile:
    """
    Two rows of cells, one behind the other. A store is one aligned 8-byte write, so that
    a reader in another process sees either the old number or the new one.

    @ivar first: The first row, as it was written.
    @ivar second: The other one.
    """

    first: Cells
    second: Cells
    _map: mmap.mmap | None = None
    _views: Sequence[memoryview] = ()

    def __init__(self, fd: int, first: int, second: int, isMapped: bool = True) -> None:
        """
        @param fd: An open file; this owns it from now on.
        @param first: How many cells the first row has.
        @param second: And the other one.
        @param isMapped: Whether nobody can make the file shorter.
        @raise OSError: If the file is too short, or the system has no room for it.
        """
        self._fd = self._own = fd
        self._count = first
        self._size = (first + second) * CELL
        if not isMapped:
            self._own = _opened(fd)
            self.first = _FileCells(self._own, 0, first)
            self.second = _FileCells(self._own, first, second)
            return
        try:
            self._map = mmap.mmap(fd, self._size)
        except ValueError as error:
            os.close(fd)
            raise OSError(f"descriptor {fd} is no page: {error}") from None
        except BaseException:
            os.close(fd)
            raise
        self._views = self._show(self._map)

    @classmethod
    def create(cls, first: int, second: int) -> PageFile:
        """
        Make a new one, all zeros.

        @raise OSError: If the system has no room for one.
        """
        fd, isSealed = _sealed((first + second) * CELL)
        return cls(fd, first, second, isSealed)

    def fileno(self) -> int:
        """
        Its descriptor; -1 when it is closed.
        """
        return self._fd

    def keep(self) -> None:
        """
        Both rows are copies from now on, which are there when it is closed, too.
        """
        if self._fd >= 0:
            map = self._map
            copy = bytearray(_read(self._own, self._size, 0) if map is None else map)
            self._show(copy.ljust(self._size, b"\0"))

    def close(self) -> None:
        """
        Let go of it. Who has a row that is no copy cannot read that any more.
        """
        fd, self._fd = self._fd, -1
        if fd < 0:
            return
        os.close(fd)
        if self._own != fd:
            os.close(self._own)
        if self._map is None:
            return
        # The map has a descriptor of its own for as long as it is there.
        for view in self._views:
            view.release()
        self._map.close()

    def _show(self, memory: mmap.mmap | bytearray) -> Sequence[memoryview]:
        """
        @return: What refers to the memory, in the order in which it can be released.
        """
        whole = memoryview(memory).cast("Q")
        first, second = whole[: self._count], whole[self._count :]
        self.first, self.second = first, second
        return first, second, whole


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
