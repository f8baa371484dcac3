"""
What is told to the primary of an event that was logged here.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping

from twisted.logger import LogEvent, LogLevel, eventAsText

# What eventAsJSON calls, and what reads it again.
from twisted.logger._flatten import KeyFlattener, aFormatter, flattenEvent
from twisted.logger._format import formatWithCall
from twisted.python.failure import Failure
from twisted.python.reflect import safe_repr, safe_str

from twisted_cluster.core.records import (
    FAILURE,
    LEVEL,
    LONGEST_DATAGRAM,
    LONGEST_RECORD,
    MOST_FIELDS,
    MOST_FRAMES,
    SYSTEM,
    TEXT,
    UNTOLD,
    Frame,
    ToldFailure,
    Variables,
    isIntricate,
    isTime,
    packRecord,
    packText,
)

LEVELS = tuple(LogLevel.iterconstants())
# Of how a field is converted flattenEvent knows these two.
_CONVERTED = re.compile("![^rs]")
# The primary's observers of the older kind rely on what these are.
_LEGACY = "log_legacy"
_LEGACY_KINDS: Mapping[str, type] = {
    "message": tuple,
    "isError": int,
    "format": str,
    "failure": Failure,
}


def recordOf(event: LogEvent, level: str) -> bytes:
    """
    Everything in the event, as C{eventAsJSON} would have it; where it cannot be told, or
    there is too much of it, its text. The event stays as it is: other observers have it
    too.

    @param level: The name of the level that it is to be told with.
    @return: At most L{LONGEST_RECORD} bytes.
    """
    try:
        own = {**_flat(_accepted(event)), **_head(event, level)}
        packed = packRecord(own, _told)
    except Exception:
        # A format that fits nothing, a value without a text, a circle: stock text says
        # what it can.
        return textOf(event, level, LONGEST_RECORD)
    if len(packed) > LONGEST_RECORD or isIntricate(packed):
        return textOf(event, level, LONGEST_RECORD)
    return packed


def textOf(event: LogEvent, level: str, most: int = LONGEST_DATAGRAM) -> bytes:
    """
    The event's text alone.

    @param most: The most bytes; text that is too long is cut.
    """
    text = eventAsText(event, includeTimestamp=False, includeSystem=False)
    head = _head(event, level)
    short = {k: v[:SYSTEM] if isinstance(v, str) else v for k, v in head.items()}
    return packText(short, text, most)


def _accepted(event: LogEvent) -> LogEvent:
    """
    The same, without what is no such thing as the primary's observers rely on: an
    application may log anything, and no primary is to take it for one that lies.

    @raise TypeError: If its text says so.
    """
    own = dict(event)
    if "log_failure" in own and not isinstance(own["log_failure"], Failure):
        raise TypeError("no failure")
    if own.get("log_namespace") == _LEGACY:
        for key, kind in _LEGACY_KINDS.items():
            if not isinstance(own.get(key), kind):
                own.pop(key, None)
        if not isTime(own.get("time")):
            own.pop("time", None)
        if "system" in own:
            own["system"] = _text(own["system"])
    return own


def _flat(event: LogEvent) -> LogEvent:
    """
    Put the text of each field of its format into it, as C{eventAsJSON} does.
    """
    # Nobody else can use them, and the logger can be made anew.
    event.pop("log_trace", None)
    event.pop("log_logger", None)
    form = event.get("log_format")
    if form == TEXT:
        return event
    if form is not None and form.count("{") > MOST_FIELDS:
        raise ValueError("too many fields")
    if "log_flattened" in event:
        event["log_flattened"] = dict(event["log_flattened"])
    flattenEvent(event)
    if form is not None and (":" in form or _CONVERTED.search(form)):
        _format(event, form)
    return event


def _format(event: LogEvent, form: str) -> None:
    """
    Heed how a field is to be formatted, which C{flattenEvent} does not.
    """
    keys, flat = KeyFlattener(), event.get("log_flattened", {})
    for _, name, spec, conversion in aFormatter.parse(form):
        if name is None:
            continue
        key = keys.flatKey(name, spec, conversion or "s")
        if spec or key not in flat:
            field = name + (f"!{conversion}" if conversion else "") + f":{spec}"
            flat[key] = formatWithCall("{" + field + "}", event)


def _head(event: LogEvent, level: str) -> dict[str, object]:
    """
    What every event has, in the only form that the primary accepts.
    """
    when = event.get("log_time")
    head: dict[str, object] = {
        "log_level": level,
        "log_namespace": _text(event.get("log_namespace", "-")),
        "log_time": when if isTime(when) else time.time(),
    }
    system = event.get("log_system")
    if system is not None:
        head["log_system"] = _text(system)
    return head


def _text(value: object) -> str:
    return value if type(value) is str else safe_str(value)


def _told(value: object) -> object:
    """
    What has no JSON of its own.
    """
    if isinstance(value, Failure):
        return {FAILURE: _failure(value)}
    if value in LEVELS:
        return {LEVEL: value.name}  # type: ignore[attr-defined]
    if isinstance(value, bytes):
        # As Twisted's.
        return value.decode("charmap")
    return UNTOLD


def _failure(failure: Failure) -> ToldFailure:
    kind = failure.type
    return {
        "module": _text(getattr(kind, "__module__", "builtins")),
        "name": _text(getattr(kind, "__name__", kind)),
        "value": safe_str(failure.value),
        "parents": list(map(_text, failure.parents)),
        "frames": [_frame(*frame) for frame in failure.frames[-MOST_FRAMES:]],
        "text": failure.getTraceback(),
    }


def _frame(name: str, file: str, line: int, local: Variables, whole: Variables) -> Frame:
    return name, file, line, _variables(local), _variables(whole)


def _variables(items: Variables) -> Variables:
    return [(str(name), safe_repr(value)) for name, value in items]
