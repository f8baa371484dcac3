"""
What a worker says, on its way into the primary's log.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby

from attrs import frozen
from twisted.logger import (
    LogEvent,
    Logger,
    LogLevel,
    eventAsText,
    globalLogPublisher,
)

from twisted_cluster.core.complaints import Complaints
from twisted_cluster.primary.lives.tail import Tail

log = Logger()

NOBODY = "-"
# What has the fields of twisted.python.log.
LEGACY = "log_legacy"


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

    def __init__(
        self,
        speaker: Callable[[], Speaker],
        explain: Callable[[Iterable[str]], str | None] = lambda complaints: None,
    ) -> None:
        """
        @param speaker: Tells which worker this is.
        @param explain: What this primary knows of the reason of complaints.
        """
        self._speaker = speaker
        self._explain = explain
        self._explained = Complaints(time.monotonic_ns)
        self._isKeeping = True
        self._kept = Tail()

    @property
    def tail(self) -> Iterable[str]:
        """
        The last complaints, as long as they are kept.
        """
        return map(_textOf, self._kept)

    def stray(self, text: str) -> None:
        """
        It has written something to its standard output or error.
        """
        event = _newEvent(LogLevel.info, text)
        if self._isKeeping:
            self._kept.add(event, len(text))
        else:
            self._emit(event)
            self._sayWhy([text])

    def record(self, event: LogEvent, size: int) -> None:
        """
        It has logged something.

        @param event: As L{twisted_cluster.primary.lives.events.eventOf} makes it.
        @param size: How many bytes it was.
        """
        isComplaint = event["log_level"] >= LogLevel.error
        if self._isKeeping and isComplaint:
            self._kept.add(event, size)
            return
        self._emit(event)
        if isComplaint:
            self._sayWhy([_textOf(event)])

    def complain(self, text: str) -> None:
        """
        There is something wrong with what it says.
        """
        self.record(_newEvent(LogLevel.error, text), len(text))

    def release(self, hasFailed: bool = False) -> None:
        """
        It is up, or will not be: log what was kept, and keep nothing more.

        @param hasFailed: Whether that is why it will not be: an error, and one.
        """
        self._isKeeping = False
        complaints = list(self.tail)
        for event in _joined(self._kept) if hasFailed else self._kept:
            self._emit(event)
        self._kept.clear()
        self._sayWhy(complaints)

    def _sayWhy(self, complaints: Iterable[str]) -> None:
        why = self._explain(complaints)
        if why is not None and self._explained.isDue(why):
            self._emit(_newEvent(LogLevel.warn, why))

    def forget(self) -> None:
        """
        What was kept is no news.
        """
        self._kept.clear()

    def _emit(self, event: LogEvent) -> None:
        speaker = self._speaker()
        system = event.get("log_system")
        if system is None:
            # As Twisted's own text log has it.
            system = f"{event['log_namespace']}#{event['log_level'].name}"
        who = f"worker {speaker.number}"
        event["log_system"] = who if system == NOBODY else f"{who} {system}"
        event["cluster_system"] = system
        if event["log_namespace"] == LEGACY:
            event["system"] = event["log_system"]
        globalLogPublisher(speaker.sign(event))


def _newEvent(level: object, text: str) -> LogEvent:
    return {
        "log_format": "{text}",
        "text": text,
        "log_level": level,
        "log_logger": log,
        "log_namespace": log.namespace,
        "log_source": None,
        "log_system": NOBODY,
        "log_time": time.time(),
    }


def _joined(kept: Iterable[LogEvent]) -> Iterator[LogEvent]:
    """
    @return: The same, with lines that follow each other as one error.
    """
    for isWritten, run in groupby(kept, lambda event: event.get("log_logger") is log):
        if isWritten:
            lines = list(run)
            text = "\n".join(line["text"] for line in lines)
            yield {**lines[0], "text": text, "log_level": LogLevel.error}
        else:
            yield from run


def _textOf(event: LogEvent) -> str:
    return eventAsText(event, includeTimestamp=False, includeSystem=False)
