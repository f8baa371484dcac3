"""
A log file, which is rotated only where that can be done.
"""

from __future__ import annotations

import os
import stat

from twisted.logger import Logger
from twisted.python.logfile import LogFile

log = Logger()


class RotatingLog(LogFile):
    """
    As Twisted's, but for what is no regular file: a device, a pipe. Such a one is neither
    renamed nor looked for its end.
    """

    _isEndless = False
    _refusal: str | None = None

    def rotate(self) -> None:
        """
        Rotate the file; where that cannot be done it is said, once, and the log goes on.
        """
        why = self._whyNot()
        if why is None:
            self._refusal = None
            super().rotate()
        elif why != self._refusal:
            # Before it is said: that is written here as well.
            self._refusal = why
            log.warn("the log is not rotated: {path} {why}", path=self.path, why=why)

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
        return not self._isEndless and bool(super().shouldRotate())

    def _whyNot(self) -> str | None:
        try:
            isRegular = stat.S_ISREG(os.stat(self.path).st_mode)
        except OSError as error:
            return f"cannot be looked at: {error.strerror}"
        if not isRegular:
            return "is no regular file"
        if not (os.access(self.directory, os.W_OK) and os.access(self.path, os.W_OK)):
            return "may not be renamed by this process"
        return None

    def _openFile(self) -> None:
        if not os.path.exists(self.path) or os.path.isfile(self.path):
            super()._openFile()
            return
        # A pipe that nobody reads would hold us up for ever: that is an error now.
        fd = os.open(self.path, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
        os.set_blocking(fd, True)
        self.closed = False
        self._file = open(fd, "wb", 0)
        self.size = 0
        self._isEndless = True
