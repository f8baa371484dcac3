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

from twisted_cluster.core.allowance import Allowance
from twisted_cluster.core.complaints import Complaints
from twisted_cluster.core.log_text import LEGACY
from twisted_cluster.core.words import several
from twisted_cluster.defaults import LOG_RATE
from twisted_cluster.primary.lives.share import Share
from twisted_cluster.primary.lives.tail import Tail

log = Logger()

NOBODY = "-"
# So many bytes are as much as a line.
LINE = 1024
# What has not been used of so many seconds may come at once: a start, or an end, tells
# much in a moment.
SAVED = 10.0
# How much was left out is told this often, in seconds.
TOLD = 10.0


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
    What one worker says. Until it is up its complaints are kept and not logged, nor what
    it says after them: they are what the person at the terminal has to read if it never
    is. What is too much to be kept is logged.

    @ivar errors: How many errors it has logged.
    @ivar share: Of this process's time, for all that it says, by whatever way.
    """

    def __init__(
        self,
        speaker: Callable[[], Speaker],
        explain: Callable[[Iterable[str]], str | None] = lambda complaints: None,
        rate: float = LOG_RATE,
    ) -> None:
        """
        @param speaker: Tells which worker this is.
        @param explain: What this primary knows of the reason of complaints.
        @param rate: How many lines a second it may log; 0: any number.
        """
        self._rate = rate
        self._allowance = Allowance(rate, rate * SAVED)
        self._leftOut = 0
        self._toldAt = 0.0
        self._speaker = speaker
        self._explain = explain
        self._explained = Complaints(time.monotonic_ns)
        self.errors = 0
        self.share = Share()
        self._isKeeping = True
        # Complaints, the log may have them or not.
        self._kept = Tail()
        # What is not logged yet; None: all is.
        self._held: Tail | None = Tail()

    @property
    def tail(self) -> Iterable[str]:
        """
        The last complaints, as long as they are kept.
        """
        return map(_textOf, self._kept)

    def lets(self, size: int, lines: int = 1) -> bool:
        """
        Whether it may log some more; to be asked before it is looked at. What it may not
        is counted, and told of.

        @param size: How many bytes that is.
        @param lines: How many lines.
        """
        now = time.monotonic()
        cost = lines + size // LINE
        mayLog = not self._rate or self._allowance.takes(now, cost)
        if not mayLog:
            if not self._leftOut:
                self._toldAt = now
                self._warn("what is more is left out")
            self._leftOut += lines
        elif self._leftOut and now - self._toldAt >= TOLD:
            self.tellLeftOut()
        return mayLog

    def tellLeftOut(self) -> None:
        """
        Tell how much was left out since that was told last, if any was.
        """
        count, self._leftOut = self._leftOut, 0
        if count:
            self._warn(f"{several(count, 'line')} left out")

    def _warn(self, what: str) -> None:
        rate = f"{self._rate:g} lines a second (--log-rate)"
        text = f"it logs more than {rate}: {what}"
        self.record(_newEvent(LogLevel.warn, text), len(text))

    def stray(self, text: str) -> None:
        """
        It has written something to its standard output or error.
        """
        self.record(_newEvent(LogLevel.info, text), len(text))

    def record(self, event: LogEvent, size: int) -> None:
        """
        It has logged something.

        @param event: As L{twisted_cluster.primary.lives.events.eventOf} makes it.
        @param size: How many bytes it was.
        """
        isComplaint = _isComplaint(event)
        if isComplaint and event["log_level"] >= LogLevel.error:
            self.errors += 1
        if isComplaint and self._isKeeping:
            self._kept.add(event, size)
        if self._held is not None and (isComplaint or self._held):
            self._emitAll(self._held.add(event, size))
            return
        self._emit(event)
        if isComplaint:
            self._sayWhy([_textOf(event)])

    def complain(self, text: str) -> None:
        """
        There is something wrong with what it says.
        """
        self.record(_newEvent(LogLevel.error, text), len(text))

    def show(self) -> None:
        """
        It is long in coming up: log what was held back, and hold back nothing more.
        """
        held, self._held = self._held, None
        if held is not None:
            self._emitAll(held)
            self._sayWhy(self.tail)

    def release(self, hasFailed: bool = False) -> None:
        """
        It is up, or will not be: log what was kept, and keep nothing more.

        @param hasFailed: Whether that is why it will not be: an error, and one.
        """
        if hasFailed and self._held is not None:
            self._emitAll(_joined(self._held))
            self._held.clear()
        self.show()
        self._isKeeping = False
        self._kept.clear()

    def keep(self, isKeeping: bool) -> None:
        """
        Whether complaints are to be kept although it is up: its end may be of interest.
        """
        self._isKeeping = isKeeping
        if not isKeeping:
            self._kept.clear()

    def _sayWhy(self, complaints: Iterable[str]) -> None:
        why = self._explain(complaints)
        if why is not None and self._explained.isDue(why):
            self._emit(_newEvent(LogLevel.warn, why))

    def forget(self) -> None:
        """
        What it has complained of is no news; the rest of what was held back is logged.
        """
        held, self._held = self._held, None
        self._emitAll(event for event in held or () if not _isComplaint(event))

    def _emitAll(self, events: Iterable[LogEvent]) -> None:
        for event in events:
            self._emit(event)

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


def _isWritten(event: LogEvent) -> bool:
    """
    @return: Whether it was written to its output, or said by the primary for it.
    """
    return event.get("log_logger") is log


def _isComplaint(event: LogEvent) -> bool:
    return _isWritten(event) or event["log_level"] >= LogLevel.error


def _joined(kept: Iterable[LogEvent]) -> Iterator[LogEvent]:
    """
    @return: The same, with lines that follow each other as one error: of a traceback,
        whether Python has written it or twistd's standard error.
    """
    for field, run in groupby(kept, _fieldOfLine):
        if not field:
            yield from run
            continue
        lines = list(run)
        first = {key: lines[0][key] for key in lines[0] if key != "log_flattened"}
        text = "\n".join(map(_textOf, lines))
        yield {
            **first,
            "log_format": f"{{{field}}}",
            field: text,
            "log_level": LogLevel.error,
        }


def _fieldOfLine(event: LogEvent) -> str:
    """
    @return: Which field has the text; C{""} if it is no line of several.
    """
    if _isWritten(event):
        return "text"
    return "log_io" if event["log_namespace"] == "stderr" and "log_io" in event else ""


def _textOf(event: LogEvent) -> str:
    return eventAsText(event, includeTimestamp=False, includeSystem=False)
