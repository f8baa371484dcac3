"""
Values that a worker has logged, as they were.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import cast

from twisted.logger import LogLevel

from twisted_cluster.core.records import FAILURE, LEVEL, UNTOLD, shortly
from twisted_cluster.errors import MessageError
from twisted_cluster.primary.lives.failures import WorkerFailure

LEVELS = {level.name: level for level in LogLevel.iterconstants()}
# What lies deeper is left out: observers go down by calling themselves.
DEEPEST = 32
# Lists and mappings in one event, which take some 0.5 us each; what comes later is left
# out. A failure takes as long as a hundred of them.
MOST = 10_000
A_FAILURE = 100
NESTED = (dict, list)
# Without these an event is none; there are only so many.
NEEDED = frozenset({"log_flattened", "log_failure", "failure", "message"})


class Reviver:
    """
    Puts levels and failures in place of what was told of them, in one event.
    """

    def __init__(self) -> None:
        self._left = MOST

    def fields(
        self, told: Mapping[str, object], depth: int = DEEPEST
    ) -> dict[str, object]:
        """
        @param told: Fields, as they came.
        @param depth: What lies deeper is left out.
        """
        return {
            key: self._value(value, depth) if type(value) in NESTED else value
            for key, value in told.items()
        }

    def event(self, told: Mapping[str, object]) -> dict[str, object]:
        """
        The same of a whole event, from which nothing that it needs is left out.
        """
        needed = {
            key: self._value(told[key], DEEPEST)
            for key in NEEDED & told.keys()
            if type(told[key]) in NESTED
        }
        others = {key: value for key, value in told.items() if key not in needed}
        return {**self.fields(others), **needed}

    def _value(self, value: object, depth: int) -> object:
        self._left -= 1
        if depth == 0 or self._left < 0:
            return dict(UNTOLD)
        if isinstance(value, list):
            return [
                self._value(one, depth - 1) if type(one) in NESTED else one
                for one in value
            ]
        return self._mapping(cast(Mapping[str, object], value), depth - 1)

    def _mapping(self, value: Mapping[str, object], depth: int) -> object:
        # What looks like one and is none was logged so: it may be what a client sent.
        with suppress(MessageError):
            if LEVEL in value:
                return levelNamed(value[LEVEL])
            if FAILURE in value:
                self._left -= A_FAILURE
                return WorkerFailure.told(value[FAILURE])
        return self.fields(value, depth)


def levelNamed(name: object) -> object:
    """
    @raise MessageError: If there is none of that name.
    """
    if isinstance(name, str) and name in LEVELS:
        return LEVELS[name]
    raise MessageError(f"there is no level {shortly(name)}")
