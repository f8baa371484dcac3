"""
What a worker says, on its way into the primary's log.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from attrs import frozen
from twisted.logger import (
    LogEvent,
    Logger,
    LogLevel,
    eventAsText,
    globalLogPublisher,
)

log = Logger()

# As many lines as a person reads who wants to know why something does not start.
TAIL = 100
NOBODY = "-"


@frozen
class Speaker:
    """
    Which worker it is, in the log.
    """

    number: int
    id: int
    generation: int
    pid: int | None

    def sign(self, event: LogEvent) -> LogEvent:
        """
        Say in an event that it is about this worker.
        """
        event["cluster_worker"] = self.number
        event["cluster_id"] = self.id
        event["cluster_pid"] = self.pid
        event["cluster_generation"] = self.generation
        return event


class Said:
    """
    What one worker says. Until it is up its complaints are kept and not logged: they
    are what the person at the terminal has to read if it never is.
    """

    def __init__(self, speaker: Callable[[], Speaker]) -> None:
        """
        @param speaker: Tells which worker this is.
        """
        self._speaker = speaker
        self._isKeeping = True
        self._kept: deque[LogEvent] = deque(maxlen=TAIL)

    @property
    def tail(self) -> Iterable[str]:
        """
        The last complaints, as long as they are kept.
        """
        return map(_textOf, self._kept)
