"""
What was logged lately, and what is logged from now on.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable

from twisted.internet.interfaces import IReactorFromThreads
from twisted.logger import ILogObserver, LogEvent, LogPublisher
from zope.interface import implementer

from twisted_cluster.logs.lines import KNOWN, SYSTEM, isShown, jsonLine, textLine

KEPT = 500
# Of what is longer no more than this is kept: all of it together is bounded.
LONGEST = 4096
# The fields of what an event consists of; what has more is put into words at once.
MOST_PARTS = 32
# In what is kept only as text.
TEXT = "cluster_kept"
Listener = Callable[[LogEvent], object]


@implementer(ILogObserver)
class Recent:
    """
    Keeps the last events, and tells listeners of new ones. An event becomes text only
    when somebody reads it.
    """

    def __init__(
        self, publisher: LogPublisher, reactor: IReactorFromThreads, level: str
    ) -> None:
        """
        @param level: The least that is kept, by its name.
        """
        self._publisher = publisher
        self._reactor = reactor
        self._level = level
        self._thread = 0
        self._events: deque[LogEvent] = deque(maxlen=KEPT)
        self.listeners: list[Listener] = []

    def begin(self) -> None:
        """
        Listen to the log.
        """
        self._thread = threading.get_ident()
        self._publisher.addObserver(self)

    def end(self) -> None:
        """
        Listen no more.
        """
        self._publisher.removeObserver(self)
        self._events.clear()
        self.listeners.clear()

    def events(self) -> list[LogEvent]:
        """
        Those that are kept, the oldest first.
        """
        return list(self._events)

    def __call__(self, event: LogEvent) -> None:
        if not isShown(event, self._level):
            return
        self._events.append(_bounded(event))
        if not self.listeners:
            return
        if threading.get_ident() == self._thread:
            self._tell(event)
        else:
            self._reactor.callFromThread(self._tell, event)

    def _tell(self, event: LogEvent) -> None:
        for listener in list(self.listeners):
            listener(event)


def _bounded(event: LogEvent) -> LogEvent:
    """
    @return: An event that keeps nothing of the program alive, and is not very long: as it
        is, where it is a worker's, and so is only data; else its text.
    """
    if SYSTEM in event and "log_failure" not in event and _isShort(event):
        return event
    text = textLine(event)
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]} [...]\n"
    known = {key: event[key] for key in KNOWN.values() if key in event}
    return {**known, TEXT: text}


def _isShort(event: LogEvent) -> bool:
    size = 0
    for value in (*event.values(), *event.get("log_flattened", {}).values()):
        if isinstance(value, str):
            size += len(value)
        elif isinstance(value, (list, tuple, dict, bytes)):
            size += LONGEST if len(value) > MOST_PARTS else 0
    return size < LONGEST


def asText(event: LogEvent) -> str:
    """
    @return: A line as in the log, or several.
    """
    kept = event.get(TEXT)
    return textLine(event) if kept is None else str(kept)


def asJSON(event: LogEvent) -> str:
    """
    @return: The same as a line of JSON.
    """
    kept = event.get(TEXT)
    return jsonLine(event) if kept is None else json.dumps({"text": kept}) + "\n"
