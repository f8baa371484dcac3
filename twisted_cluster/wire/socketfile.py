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

_SEARCHED = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY
# More often nobody takes a lock between two looks, but who means to keep us busy.
TRIES = 100


@frozen
class Folder:
    """
    A directory, held open: it stays the same one, whoever puts another one, or a link, at
    its path.

    @ivar path: Absolute.
    @ivar number: The descriptor; L{None} where one that may not be read cannot be opened.
    """

    path: str
    number: int | None

    @classmethod
    def of(cls, path: str, name: str) -> Folder:
        """
        @param path: Where it is, absolute.
        @param name: The same for the current directory.
        @raise OSError: As open(2) says; who has this must close it.
        """
        try:
            return cls(path, os.open(name, _SEARCHED | os.O_CLOEXEC))
        except PermissionError:
            if hasattr(os, "O_PATH"):
                raise
            return cls(path, None)

    def look(self, name: str) -> os.stat_result:
        """
        @return: What there is under a name; of a link, the link.
        @raise OSError: As lstat(2) says.
        """
        return os.lstat(self._at(name), dir_fd=self.number)

    def remove(self, name: str) -> None:
        """
        @raise OSError: As unlink(2) says.
        """
        os.unlink(self._at(name), dir_fd=self.number)

    def give(self, name: str, uid: int) -> None:
        """
        @raise OSError: As lchown(2) says.
        """
        where = self._at(name)
        os.chown(where, uid, -1, dir_fd=self.number, follow_symlinks=False)

    def link(self, name: str, to: str) -> None:
        """
        @raise OSError: As symlink(2) says.
        """
        os.symlink(to, self._at(name), dir_fd=self.number)

    def linked(self, name: str) -> str:
        """
        @raise OSError: As readlink(2) says.
        """
        return os.readlink(self._at(name), dir_fd=self.number)

    def close(self) -> None:
        """
        Let go of it.
        """
        if self.number is not None:
            os.close(self.number)

    def _at(self, name: str) -> str:
        return name if self.number is not None else os.path.join(self.path, name)


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
