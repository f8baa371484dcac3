"""
Who writes the log.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Protocol

from twisted.logger import ILogObserver, LogEvent, Logger
from zope.interface import implementer

from twisted_cluster.core.words import several
from twisted_cluster.logs.lines import Format, isShown, jsonLine, textLine

log = Logger()

FORMATS = ("text", "json")


class Stream(Protocol):
    """
    Where a log can be written: a file of text.
    """

    def write(self, text: str, /) -> object: ...

    def flush(self) -> object: ...


@implementer(ILogObserver)
class LineObserver:
    """
    Writes each event as a line.

    @ivar stream: Where.
    @ivar format: How: one of L{FORMATS}.
    """

    def __init__(self, stream: Stream, level: str = "info", format: str = "text") -> None:
        """
        @param level: The least that is written, by its name.
        @param format: One of L{FORMATS}.
        """
        self.stream = stream
        self._level = level
        self.format = format
        self._line: Format = jsonLine
        if format == "text":
            self._line = partial(textLine, hasColour=hasColour(stream, os.environ))
        self._encoding: str | None = getattr(stream, "encoding", None)
        # How many lines could not be written.
        self._lost = 0

    def __call__(self, event: LogEvent) -> None:
        if not isShown(event, self._level):
            return
        line = self._line(event)
        if not line:
            return
        if self._encoding is not None and not line.isascii():
            # What the terminal cannot show it is told in ASCII.
            encoded = line.encode(self._encoding, "backslashreplace")
            line = encoded.decode(self._encoding)
        try:
            self.stream.write(line)
            self.stream.flush()
        except (OSError, ValueError) as error:
            self._lose(getattr(error, "strerror", None) or str(error))
        else:
            self._tellLost()

    def _lose(self, why: str) -> None:
        """
        A line is lost. That is said at once where errors are written, once.
        """
        self._lost += 1
        if self._lost == 1:
            sayError(f"twistd cluster: the log cannot be written: {why}")

    def _tellLost(self) -> None:
        lost, self._lost = self._lost, 0
        if lost:
            lines = several(lost, "line")
            log.warn("before this could be written {lines} were lost", lines=lines)

    def rotate(self) -> None:
        """
        Rotate the file, or open it again, if it is one that can be.
        """
        rotate = getattr(self.stream, "rotateNow", None)
        if rotate is not None:
            rotate()

    @property
    def place(self) -> str:
        """
        Where another process can write as well: the path of a file, or the number of
        standard output or error.
        """
        path = getattr(self.stream, "path", None)
        if isinstance(path, str):
            return os.path.abspath(path)
        return "1" if self.writesTo(1) else "2"

    def writesTo(self, fd: int) -> bool:
        """
        Whether what is written here comes to the same place as what is written there.

        @param fd: An open descriptor, or the number of none.
        """
        fileno = getattr(self.stream, "fileno", None)
        if fileno is None:
            return False
        try:
            return os.path.samestat(os.fstat(fileno()), os.fstat(fd))
        except (OSError, ValueError):
            return False


def sayError(text: str) -> None:
    """
    Write to the process's own standard error, if there is one, and whoever reads it is
    still there.
    """
    # Not sys.stderr: what is written there is logged.
    if sys.__stderr__ is not None:
        with suppress(OSError, ValueError):
            sys.__stderr__.write(f"{text}\n")
            sys.__stderr__.flush()


def hasColour(stream: object, environment: Mapping[str, str]) -> bool:
    """
    Whether somebody looks at it who wants colours.

    @see: U{https://no-color.org}
    """
    if environment.get("NO_COLOR") or environment.get("TERM", "dumb") == "dumb":
        return False
    isTerminal = getattr(stream, "isatty", lambda: False)
    return bool(isTerminal())
