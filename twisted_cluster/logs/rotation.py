"""
A log file, which is rotated only where that can be done.
"""

from __future__ import annotations

import os
import stat

from twisted.logger import Logger
from twisted.python.logfile import LogFile

from twisted_cluster.logfiles import appendTo
from twisted_cluster.wire.links import isSystems

log = Logger()


class RotatingLog(LogFile):
    """
    As Twisted's, but for what is no regular file: a device, a pipe. Such a one is neither
    renamed nor looked for its end. A file that somebody else has moved or cut, as
    logrotate does, is not rotated once more.
    """

    _isEndless = False
    _isTorn = False
    _refusal: str | None = None

    def rotate(self) -> None:
        """
        Rotate the file; where that cannot be done it is said, once, and the log goes on.
        """
        why = self._reopened() if self._isMoved() else self._rotated()
        if why is None:
            self._refusal = None
        elif why != self._refusal:
            # Before it is said: that is written here as well.
            self._refusal = why
            log.warn("the log is not rotated: {path} {why}", path=self.path, why=why)

    def write(self, data: str | bytes) -> None:
        """
        Write whole lines.

        @raise OSError: If it cannot be written, or not all of it.
        """
        if self.shouldRotate():
            self.rotate()
        line = data.encode() if isinstance(data, str) else data
        if self._isTorn and os.fstat(self._file.fileno()).st_size:
            line = b"\n" + line
        while line:
            written = self._file.write(line) or 0
            self.size += written
            self._isTorn = written < len(line)
            line = line[written:]

    def rotateNow(self) -> None:
        """
        The same, because somebody asks for it: he is told each time.
        """
        self._refusal = None
        self.rotate()

    def shouldRotate(self) -> bool:
        """
        Whether it is too long.
        """
        if self._isEndless or not super().shouldRotate():
            return False
        # Somebody may have cut it, or write to it as well.
        self.size = os.fstat(self._file.fileno()).st_size
        return bool(super().shouldRotate())

    def _isMoved(self) -> bool:
        try:
            there = os.stat(self.path)
        except OSError as error:
            return isinstance(error, FileNotFoundError)
        return not os.path.samestat(there, os.fstat(self._file.fileno()))

    def _reopened(self) -> str | None:
        """
        @return: Why not, if that cannot be done.
        """
        old = self._file
        try:
            self._openFile()
        except OSError as error:
            self._file = old
            return f"has been moved, and cannot be opened again: {error.strerror}"
        old.close()
        return None

    def _rotated(self) -> str | None:
        """
        @return: Why not, if that cannot be done; what was open is written on then.
        """
        why = self._whyNot()
        if why is not None:
            return why
        try:
            kept = os.dup(self._file.fileno())
        except OSError as error:
            return f"needs one more descriptor: {error.strerror}"
        try:
            super().rotate()
        except OSError as error:
            # Half-way, with the file closed.
            self._file.close()
            self._file = open(kept, "wb", 0)
            # Not with each line: it renames those that there are.
            self.size = 0
            return f"cannot be renamed, or begun anew: {error.strerror}"
        os.close(kept)
        return None

    def _whyNot(self) -> str | None:
        try:
            isRegular = stat.S_ISREG(os.stat(self.path).st_mode)
        except OSError as error:
            return f"cannot be looked at: {error.strerror}"
        if not isRegular or isSystems(self.path):
            return "is no regular file"
        if not (os.access(self.directory, os.W_OK) and os.access(self.path, os.W_OK)):
            return "may not be renamed by this process"
        return None

    def _openFile(self) -> None:
        if not os.path.exists(self.path) or os.path.isfile(self.path):
            super()._openFile()
            # What another has cut goes on at its new end, and two do not overwrite each
            # other.
            appendTo(self._file.fileno())
            return
        # A pipe that nobody reads would hold us up for ever: that is an error now.
        fd = os.open(self.path, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
        os.set_blocking(fd, True)
        self.closed = False
        self._file = open(fd, "wb", 0)
        self.size = 0
        self._isEndless = True
