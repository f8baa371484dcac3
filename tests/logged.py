"""
What was logged.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from twisted.logger import LogEvent, formatEvent, globalLogPublisher


class Logged:
    """
    @ivar events: What has been logged since the test began.
    """

    def __init__(self) -> None:
        self.events: list[LogEvent] = []

    def texts(self) -> list[str]:
        """
        The events as people read them.
        """
        return [formatEvent(event) for event in self.events]


@contextmanager
def logging() -> Iterator[Logged]:
    """
    Listen to the log.
    """
    logged = Logged()
    globalLogPublisher.addObserver(logged.events.append)
    try:
        yield logged
    finally:
        globalLogPublisher.removeObserver(logged.events.append)
