"""
Files in memory that are sealed: nobody can make them shorter, whoever has them.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable

# As lsof(8) shows them.
NAME = "twisted_cluster"


def ofSize(size: int) -> int:
    """
    Make one that is so long, and stays so.

    @return: Its descriptor.
    @raise OSError: If the system has no such files, refuses them, or has no room.
    """
    return _made(lambda fd: os.ftruncate(fd, size))


def holding(data: bytes) -> int:
    """
    Make one that says something, and nothing else ever.

    @return: Its descriptor.
    @raise OSError: As L{ofSize}.
    """
    return _made(lambda fd: _writeAll(fd, data), isConstant=True)


def sizeOf(fd: int) -> int:
    """
    How long one is that another process has sent, whatever that really is: of nothing
    else than a file in memory can be said that asking, or reading it, takes no time.

    @raise OSError: If it is none.
    """
    try:
        fcntl.fcntl(fd, fcntl.F_GET_SEALS)
    except AttributeError:
        raise _missing() from None
    return os.fstat(fd).st_size


def read(fd: int, most: int) -> bytes:
    """
    Read one that another process has sent.

    @param most: The most bytes that are read.
    @raise OSError: If it is none, or cannot be read.
    """
    sizeOf(fd)
    return os.pread(fd, most, 0)


def _made(fill: Callable[[int], object], isConstant: bool = False) -> int:
    try:
        seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
        if isConstant:
            seals |= fcntl.F_SEAL_WRITE
        fd = os.memfd_create(NAME, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    except AttributeError:
        raise _missing() from None
    try:
        fill(fd)
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _writeAll(fd: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def _missing() -> OSError:
    return OSError(errno.ENOSYS, "this system has no files in memory")
