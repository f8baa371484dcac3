"""
What was logged, as one line of text, or as one JSON object.

Whatever an application says stays its own: it cannot look like a line of somebody else's,
nor tell a terminal anything.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping

from attrs import field, frozen

from twisted_cluster.core.visible import inOneLine, visible

LEVELS = ("debug", "info", "warn", "error", "critical")
_OURS = re.compile(r"twisted_cluster(\.|\b)[\w.]*")
# Warnings and errors only: who reads a log looks for these.
_COLOURS = {"warn": "33", "error": "31", "critical": "1;31"}
# What each worker's Twisted says of what all of them do: of ports, and of its loop.
_ROUTINE = frozenset(
    {"Starting factory {factory!r}", "Stopping factory {factory!r}"}
    | {"Main loop terminated.", "Server Shut Down."}
)
_PORT = re.compile(
    r"\S.* starting on (\d+|'.*'|b'.*')|\(\S* ?Port .* Closed\)"
    r"|(Starting|Stopping) protocol <[^\n]+>"
)
# What is longer says nothing of a port: to look for that takes the square of the time.
LONGEST_ROUTINE = 1000
# What has the fields of twisted.python.log.
LEGACY = "log_legacy"


def rank(level: str) -> int:
    """
    How grave a level is; what is none is as grave as an error.
    """
    return LEVELS.index(level) if level in LEVELS else LEVELS.index("error")


def shortSystem(system: str) -> str:
    """
    @return: Who says it, in one line; whatever part of the cluster says it is C{cluster}.
    """
    if system.startswith("twisted_cluster"):
        system = _OURS.sub("cluster", system, 1)
    return inOneLine(system)


def isRoutine(namespace: str, form: str, text: str) -> bool:
    """
    Whether something that a worker has logged is what all of them do, and nobody needs
    to know of each.

    @param namespace: The event's.
    @param form: Its format, before it is filled in.
    @param text: What it says.
    """
    if form in _ROUTINE:
        return True
    if len(text) > LONGEST_ROUTINE:
        return False
    return namespace == LEGACY and (text in _ROUTINE or bool(_PORT.fullmatch(text)))


@frozen
class LogLine:
    """
    One event.

    @ivar time: As it is to be shown.
    @ivar level: The name of one of L{LEVELS}.
    @ivar system: Who says it, without its level.
    @ivar text: What it says; of several lines maybe.
    @ivar worker: The worker's number, if a worker says it.
    """

    time: str
    level: str
    system: str
    text: str
    worker: int | None = None

    def asText(self, hasColour: bool = False) -> str:
        """
        @param hasColour: Whether the level is to be coloured.
        @return: A line, or several of which only the first begins at the margin.
        """
        level = self.level
        colour = _COLOURS.get(level) if hasColour else None
        if colour is not None:
            level = f"\x1b[{colour}m{level}\x1b[0m"
        who = "" if self.worker is None else f"worker {self.worker} "
        system, text = shortSystem(self.system), visible(self.text)
        text = text.rstrip("\n").replace("\n", "\n\t")
        return f"{self.time} {who}[{system}#{level}] {text}\n"


@frozen
class LogObject:
    """
    One event, for machines.

    @ivar namespace: Where in the program it was said; C{line.system} may be a name that
        the application has given to who says it.
    @ivar cluster: What is known of the worker: C{worker}, C{id}, C{pid}, C{generation}.
    @ivar failure: Its traceback, if it has a failure.
    @ivar fields: What else there is in it, of which only the simple values are kept.
    """

    line: LogLine
    namespace: str
    cluster: Mapping[str, object] = field(factory=dict)
    failure: str = ""
    fields: Mapping[str, object] = field(factory=dict)

    def asJSON(self) -> str:
        """
        @return: One line.
        """
        line = self.line
        whole: dict[str, object] = {
            "time": line.time,
            "level": line.level,
            "namespace": self.namespace,
            "system": line.system,
            **self.cluster,
            "text": line.text,
        }
        if line.system == self.namespace:
            del whole["system"]
        if self.failure:
            whole["failure"] = self.failure
        simple = {k: _simple(v) for k, v in self.fields.items() if isSimple(v)}
        if simple:
            # Apart: an application may call its fields what it likes.
            whole["fields"] = simple
        return json.dumps(whole) + "\n"


def isSimple(value: object) -> bool:
    """
    Whether a value is kept.
    """
    return value is None or isinstance(value, (str, int, float))


def _simple(value: object) -> object:
    # JSON knows neither infinity nor what is no number.
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
