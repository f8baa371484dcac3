"""
The files that binding a UNIX socket makes: its own, and a lock beside it.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from attrs import frozen

from twisted_cluster.wire.folder import Folder

# More often nobody takes a lock between two looks, but who means to keep us busy.
TRIES = 100


@frozen
class SocketFile:
    """
    The file that binding a UNIX socket has made.

    @ivar device: Tells it, with C{inode}, from another one that has come there since.
    """

    folder: Folder
    name: str
    device: int
    inode: int

    @classmethod
    def found(cls, folder: Folder, name: str) -> SocketFile:
        """
        @raise OSError: If no socket has been made there.
        """
        there = folder.look(name)
        if not stat.S_ISSOCK(there.st_mode):
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        return cls(folder, name, there.st_dev, there.st_ino)

    @property
    def path(self) -> str:
        """
        Where it was made, absolute.
        """
        return os.path.join(self.folder.path, self.name)

    def remove(self) -> None:
        """
        Remove it, unless another one is in its place.

        @raise OSError: As unlink(2) says.
        """
        there = self.folder.look(self.name)
        if (there.st_dev, there.st_ino) == (self.device, self.inode):
            self.folder.remove(self.name)


@frozen
class LockFile:
    """
    A lock of this process's, as L{twisted.python.lockfile.FilesystemLock} makes one.
    """

    folder: Folder
    name: str

    @classmethod
    def take(cls, folder: Folder, socket: str) -> LockFile:
        """
        Take the lock of a socket's file. If its owner has died, so has the socket: it
        goes, too.

        @raise OSError: EAGAIN if another process has it.
        @raise ValueError: If what is there is no such lock.
        """
        lock, isClean = cls(folder, socket + ".lock"), True
        for _ in range(TRIES):
            try:
                folder.link(lock.name, str(os.getpid()))
            except FileExistsError:
                isClean = lock._isFree() and isClean
                continue
            if not isClean:
                lock._removeDead(socket)
            return lock
        raise OSError(errno.EAGAIN, "Cannot acquire lock")

    def _isFree(self) -> bool:
        """
        @return: Whether its owner had let go of it; else he has died, and it is gone.
        """
        try:
            os.kill(int(self.folder.linked(self.name)), 0)
        except FileNotFoundError:
            return True
        except ProcessLookupError:
            with suppress(FileNotFoundError):
                self.folder.remove(self.name)
            return False
        raise OSError(errno.EAGAIN, "Cannot acquire lock")

    def _removeDead(self, socket: str) -> None:
        # If this fails, bind(2) will say why.
        with suppress(OSError):
            if stat.S_ISSOCK(self.folder.look(socket).st_mode):
                self.folder.remove(socket)

    @property
    def path(self) -> str:
        """
        Where it is, absolute.
        """
        return os.path.join(self.folder.path, self.name)

    def release(self) -> None:
        """
        Remove it.

        @raise OSError: As unlink(2) says.
        @raise ValueError: If it is another process's.
        """
        owner = self.folder.linked(self.name)
        if owner != str(os.getpid()):
            raise ValueError(f"it is of {owner} by now")
        self.folder.remove(self.name)


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
