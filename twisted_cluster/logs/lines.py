"""
Log events as text.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from math import floor

from twisted.logger import LogEvent, LogLevel, eventAsText, formatTime

from twisted_cluster.core.log_text import LogLine, LogObject, isRoutine, rank

# Who said it, where a worker did; C{log_system} names the worker besides.
SYSTEM = "cluster_system"
# What is known of a worker, in events about it and in its own.
KNOWN = {
    "worker": "cluster_worker",
    "id": "cluster_id",
    "pid": "cluster_pid",
    "generation": "cluster_generation",
}
# What Twisted keeps in events for itself, or for observers of its older kind.
_OWN = frozenset({"message", "format", "time", "system", "isError", "failure", "why"})

Format = Callable[[LogEvent], str]


def textLine(event: LogEvent, hasColour: bool = False) -> str:
    """
    @return: The event as text; empty if it says nothing.
    """
    text = eventAsText(event, includeTimestamp=False, includeSystem=False)
    if not text:
        return ""
    return _lineOf(event, _seconds(event), text).asText(hasColour)


def jsonLine(event: LogEvent) -> str:
    """
    @return: The event as a JSON object; empty if it says nothing.
    """
    failure = event.get("log_failure")
    text = eventAsText(
        event, includeTraceback=False, includeTimestamp=False, includeSystem=False
    )
    if not text and failure is None:
        return ""
    cluster = {name: event[key] for name, key in KNOWN.items() if key in event}
    fields = {key: value for key, value in event.items() if _isOther(key)}
    traceback = "" if failure is None else _traceback(event)
    line = _lineOf(event, _exact(event), text)
    namespace = str(event.get("log_namespace") or "-")
    return LogObject(line, namespace, cluster, traceback, fields).asJSON()


def isShown(event: LogEvent, level: str) -> bool:
    """
    @param level: The least that is shown.
    """
    own = levelOf(event)
    if rank(own) < rank(level):
        return False
    return own != "info" or level == "debug" or not _isRoutine(event)


def levelOf(event: LogEvent) -> str:
    """
    An event's level, by its name.
    """
    level = event.get("log_level")
    return LogLevel.info.name if level is None else str(level.name)


def _isRoutine(event: LogEvent) -> bool:
    if SYSTEM not in event:
        return False
    form = str(event.get("log_format") or "")
    text = str(event.get("log_text") or form)
    return isRoutine(str(event.get("log_namespace")), form, text)


def _lineOf(event: LogEvent, time: str, text: str) -> LogLine:
    level = levelOf(event)
    worker = event.get("cluster_worker") if SYSTEM in event else None
    return LogLine(time, level, _systemOf(event, level), text, worker)


def _systemOf(event: LogEvent, level: str) -> str:
    system = event.get(SYSTEM)
    if system is None:
        system = event.get("log_system")
    if system is None:
        system = event.get("log_namespace") or "-"
    return str(system).removesuffix(f"#{level}")


def _seconds(event: LogEvent) -> str:
    try:
        return _ofSecond(floor(event["log_time"]))
    except (KeyError, ValueError, TypeError, OverflowError, OSError):
        return "-"


# Lines come many in a second, and this is a quarter of what one takes.
@lru_cache(maxsize=8)
def _ofSecond(time: int) -> str:
    return formatTime(time)


def _exact(event: LogEvent) -> str:
    try:
        return datetime.fromtimestamp(event["log_time"]).astimezone().isoformat()
    except (KeyError, ValueError, TypeError, OverflowError, OSError):
        return "-"


def _traceback(event: LogEvent) -> str:
    whole = {"log_format": "", "log_failure": event["log_failure"]}
    text = eventAsText(whole, includeTimestamp=False, includeSystem=False)
    return text.strip("\n")


def _isOther(key: object) -> bool:
    known = isinstance(key, str) and not key.startswith(("log_", "cluster_"))
    return known and key not in _OWN
