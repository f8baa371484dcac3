"""
What a worker has logged, as an event that is safe here.

Of what a worker says nothing is called, and nothing looked up because of it: one that has
been broken into could say anything.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from functools import lru_cache

from twisted.logger import LogEvent, Logger
from twisted.logger._flatten import KeyFlattener, aFormatter
from twisted.python.failure import Failure

from twisted_cluster.core.log_text import LEGACY
from twisted_cluster.core.records import (
    LONGEST_RECORD,
    MOST_FIELDS,
    TEXT,
    isTime,
    shortly,
)
from twisted_cluster.errors import MessageError
from twisted_cluster.primary.lives.reviving import Reviver, levelNamed

_NOTHING = type(None)
_KINDS: Mapping[str, tuple[type, ...]] = {
    "log_namespace": (str,),
    "log_system": (str, _NOTHING),
    "log_format": (str, _NOTHING),
    "log_flattened": (dict,),
    "log_failure": (Failure,),
}
# What observers of the older kind rely on.
_LEGACY_KINDS: Mapping[str, tuple[type, ...]] = {
    "message": (list,),
    "system": (str,),
    "isError": (int,),
    "format": (str,),
    "failure": (Failure,),
}
_WIDE = re.compile(r"[0-9]{5}")
WIDEST = 10_000
# What is given as C{format} may name a long field again and again.
LONGEST_TEXT = 1 << 24
# Formats and names are few; what is longer is none of a program's own, and not
# remembered.
LONG = 500


def eventOf(told: Mapping[str, object], size: int = LONGEST_RECORD) -> LogEvent:
    """
    @param told: What is in a record.
    @param size: How many bytes that was.
    @raise MessageError: If it is no event.
    """
    event: LogEvent = Reviver().event(told)
    # What Twisted would append to.
    event.pop("log_trace", None)
    event["log_level"] = levelNamed(event.get("log_level"))
    event.setdefault("log_namespace", "-")
    if not isTime(event.setdefault("log_time", time.time())):
        raise MessageError(f"log_time cannot be {shortly(event['log_time'])}")
    _check(event, _KINDS)
    if event["log_namespace"] == LEGACY:
        _makeLegacy(event)
    else:
        event["log_logger"] = _loggerOf(event["log_namespace"])
    if event.get("log_format") == TEXT:
        _fillIn(event)
    _checkFormats(event, size)
    return event


def _fillIn(event: LogEvent) -> None:
    text = event.get("log_text")
    event["log_flattened"] = {"log_text!s:": text, "log_text!:": text}


def _makeLegacy(event: LogEvent) -> None:
    _check(event, _LEGACY_KINDS)
    if not isTime(event.get("time", 0)):
        raise MessageError(f"time cannot be {shortly(event['time'])}")
    if "message" in event:
        event["message"] = tuple(event["message"])


def _check(event: LogEvent, kinds: Mapping[str, tuple[type, ...]]) -> None:
    for key, accepted in kinds.items():
        if key in event and not isinstance(event[key], accepted):
            raise MessageError(f"{key} cannot be {shortly(event[key])}")


def _checkFormats(event: LogEvent, size: int) -> None:
    """
    All that its format names has to be at hand: Twisted would look it up otherwise, and
    call it. Observers of the older kind get what is given as C{format}.
    """
    form, older = event.get("log_format"), event.get("format")
    if isinstance(older, str) and not _isShort(older, size):
        # It may be anything, of an event of the newer kind; observers of the older kind
        # get the text instead.
        del event["format"]
    if form is None:
        event.pop("log_flattened", None)
        return
    flat = event.get("log_flattened", {})
    if form.count("{") > MOST_FIELDS:
        raise MessageError(f"too many fields: {form[:60]!r}")
    if not (_keysIn(form) if len(form) < LONG else _parsed(form)) <= flat.keys():
        raise MessageError(f"a field is missing of {form[:60]!r}")


def _isShort(older: str, size: int) -> bool:
    """
    Whether what comes of a format of the older kind cannot be very long.
    """
    isWide = _WIDE.search(older) is not None
    return not isWide and older.count("%") * max(size, WIDEST) <= LONGEST_TEXT


def _parsed(form: str) -> frozenset[str]:
    """
    What C{flatFormat} and C{flattenEvent} look for.

    @raise MessageError: If it is no format.
    """
    asked, made = KeyFlattener(), KeyFlattener()
    found = set()
    try:
        for _, name, spec, conversion in aFormatter.parse(form):
            if name is not None:
                found.add(asked.flatKey(name, spec, conversion or "s"))
                kind = "r" if conversion == "r" else "s"
                found.add(made.flatKey(name, spec, kind))
    except ValueError as error:
        raise MessageError(f"no format: {form[:60]!r} ({error})") from None
    return frozenset(found)


_keysIn = lru_cache(maxsize=1024)(_parsed)


def _loggerOf(namespace: str) -> Logger:
    return (_knownLogger if len(namespace) < LONG else Logger)(namespace)


_knownLogger = lru_cache(maxsize=1024)(Logger)
