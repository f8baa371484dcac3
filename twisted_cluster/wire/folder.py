"""
Directories that stay the same ones, whatever becomes of their paths.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from attrs import frozen

# Where a directory may be used, but not read, that is enough.
_SEARCHED = getattr(os, "O_PATH", os.O_RDONLY)


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
            return cls(path, os.open(name, _SEARCHED | os.O_DIRECTORY))
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


@contextmanager
def returning() -> Iterator[None]:
    """
    Whoever goes elsewhere while the block lasts is back afterwards.

    @raise OSError: If there is no way back from where this process is.
    """
    before = os.open(os.curdir, _SEARCHED)
    try:
        try:
            yield
        finally:
            os.fchdir(before)
    finally:
        os.close(before)
