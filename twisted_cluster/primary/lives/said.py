"""
What a worker says, on its way into the primary's log.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from twisted.logger import Logger, LogLevel

log = Logger()

# As many lines as a person reads who wants to know why something does not start.
TAIL = 100
INFO, ERROR = "info", "error"
LEVELS = {level.name: level for level in LogLevel.iterconstants()}


class Said:
    """
    What one worker says. Until it is up its complaints are kept and not logged: they
    are what the person at the terminal has to read if it never is.

    @ivar tail: The last complaints, as long as they are kept.
    """

    def __init__(self, name: Callable[[], str]) -> None:
        """
        @param name: Says which worker this is.
        """
        self._name = name
        self._isKeeping = True
        self.tail: deque[str] = deque(maxlen=TAIL)

    def stray(self, text: str) -> None:
        """
        It has written something to its standard output or error.
        """
        if self._isKeeping:
            self.tail.append(text)
        else:
            self._emit(INFO, text, "-")

    def record(self, level: str, system: str, text: str) -> None:
        """
        It has logged something.

        @param level: A level's name; what is none is an error, for somebody is to look.
        @param system: Who says it there; C{"-"} for nobody in particular.
        """
        known = level if level in LEVELS else ERROR
        if self._isKeeping and LEVELS[known] >= LogLevel.error:
            self.tail.append(text)
        else:
            self._emit(known, text, system)

    def release(self) -> None:
        """
        It is up, or will not be: log what was kept, and keep nothing more.
        """
        self._isKeeping = False
        while self.tail:
            self._emit(INFO, self.tail.popleft(), "-")

    def _emit(self, level: str, text: str, system: str) -> None:
        where = self._name() if system == "-" else f"{self._name()} {system}"
        log.emit(LEVELS[level], "{text}", text=text, log_system=where)
