"""
The file that binding a UNIX socket makes.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from attrs import frozen


@frozen
class SocketFile:
    """
    The file that binding a UNIX socket has made.

    @ivar path: Absolute.
    @ivar device: Tells it, with C{inode}, from another one that has come there since.
    """

    path: str
    device: int
    inode: int

    @classmethod
    def found(cls, path: str, name: str) -> SocketFile:
        """
        @param path: Where it is, absolute.
        @param name: The same for the current directory.
        """
        there = os.lstat(name)
        return cls(path, there.st_dev, there.st_ino)

    def remove(self) -> None:
        """
        Remove it, unless another one is in its place.

        @raise OSError: As unlink(2) says.
        """
        there = os.lstat(self.path)
        if (there.st_dev, there.st_ino) == (self.device, self.inode):
            os.unlink(self.path)


@contextmanager
def creating(mode: int) -> Iterator[None]:
    """
    What is made has these permissions at most.

    Not chmod(2) afterwards: for a moment anybody could connect, or have put a link to
    another file there.

    @raise OSError: EINVAL if they are none.
    """
    if not 0 <= mode <= 0o7777:
        raise OSError(errno.EINVAL, f"mode {mode:o}: permissions are 0 to 7777")
    before = os.umask(~mode & 0o777)
    try:
        yield
    finally:
        os.umask(before)
