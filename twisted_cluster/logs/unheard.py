"""
What would be said to nobody: a script's log, before it has one.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Protocol

from twisted.logger import (
    ILogObserver,
    LogBeginner,
    LogEvent,
    LogLevel,
    LogPublisher,
    globalLogBeginner,
    globalLogPublisher,
)
from zope.interface import implementer

from twisted_cluster.logs.observer import LineObserver, Stream

# What is critical Twisted itself shows.
TOLD = (LogLevel.warn, LogLevel.error)


class Streams(Protocol):
    """
    What C{sys} has.
    """

    @property
    def stderr(self) -> Stream | None: ...


@implementer(ILogObserver)
class Unheard:
    """
    Writes to standard error what is wrong with the cluster, for as long as the program
    has not begun to log. What it has heard by then Twisted repeats to whoever comes.
    """

    def __init__(
        self, publisher: LogPublisher, beginner: LogBeginner, streams: Streams
    ) -> None:
        """
        @param publisher: What this is to observe.
        @param beginner: What the program is to begin with.
        @param streams: Has the standard error.
        """
        self._publisher = publisher
        self._beginner = beginner
        self._streams = streams
        self._isOver = False

    def __call__(self, event: LogEvent) -> None:
        if event.get("log_level") not in TOLD:
            return
        if not str(event.get("log_namespace")).startswith("twisted_cluster"):
            return
        # Not taken off the publisher: it is just going through its observers.
        self._isOver = self._isOver or self._isHeard()
        stream = self._streams.stderr
        if not self._isOver and stream is not None:
            # Closed, or a pipe that nobody reads.
            with suppress(OSError, ValueError):
                LineObserver(stream)(event)

    def _isHeard(self) -> bool:
        """
        Whether there is anybody but this one, and who keeps it for those to come.
        """
        waiting = self._beginner._temporaryObserver
        others = self._publisher._observers
        return any(one is not self and one is not waiting for one in others)


def sayToStandardError() -> None:
    """
    Say what is wrong there, until the program begins to log.
    """
    globalLogPublisher.addObserver(Unheard(globalLogPublisher, globalLogBeginner, sys))
