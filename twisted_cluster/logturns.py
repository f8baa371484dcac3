"""
Whose turn it is to rotate a log file that several processes have.
"""

from __future__ import annotations

import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Protocol

from twisted_cluster.wire.links import isSystems

# Seconds after which who has locked the file is not rotating it: that takes no second.
STUCK = 10.0


class SharedLogFile(Protocol):
    """
    What is used of a L{BaseLogFile}, and what is noted there.

    @ivar shared: The open file that is known to append.
    @ivar identity: The device and inode of that file.
    @ivar rotatedAt: When another process rotated it last, as far as is known; in
        seconds since the epoch.
    @ivar isRotating: Whether this process does so just now.
    @ivar isTheirs: Whether what is opened just now another user may have put there.
    @ivar refusedSince: Since when somebody else has had the lock, in monotonic seconds;
        L{None} if nobody has.
    """

    path: str
    defaultMode: int | None
    closed: bool
    size: int
    shared: BinaryIO | None
    identity: tuple[int, int]
    rotatedAt: float
    isRotating: bool
    isTheirs: bool
    refusedSince: float | None
    _file: BinaryIO

    def shouldRotate(self) -> bool: ...
    def rotate(self) -> None: ...
    def flush(self) -> None: ...
    def _openFile(self) -> None: ...


@contextmanager
def turnOf(log: SharedLogFile) -> Iterator[int | None]:
    """
    @return: The open file's, if this process may rotate it now: it is one that can be
        renamed, nobody else is about to, nor has done it since it was opened here.
    """
    # The lock is the open file's: rotating closes that, and must not let go of the lock.
    try:
        held = os.dup(log._file.fileno())
    except OSError:
        # No descriptor is free: a line more in this file is better than none.
        yield None
        return
    try:
        log.isRotating = _isMyTurn(log, held) and _isAtItsPath(log)
        yield held if log.isRotating else None
    finally:
        log.isRotating = False
        fcntl.flock(held, fcntl.LOCK_UN)
        os.close(held)


def _isMyTurn(log: SharedLogFile, number: int) -> bool:
    """
    Whether nobody else rotates. Whoever may read a file can lock it, and keep it so.

    @param number: The open file's.
    """
    if _lock(number):
        log.refusedSince = None
        return True
    now = time.monotonic()
    if log.refusedSince is None:
        log.refusedSince = now
    return now - log.refusedSince > STUCK


def _lock(number: int) -> bool:
    """
    @return: Whether nobody else has it; true as well where files cannot be locked.
    """
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _isAtItsPath(log: SharedLogFile) -> bool:
    """
    Whether the open file is the one at the path, and a regular one.
    """
    try:
        there = os.stat(log.path)
    except OSError:
        return False
    isOurs = (there.st_dev, there.st_ino) == log.identity
    return isOurs and stat.S_ISREG(there.st_mode) and not isSystems(log.path)
