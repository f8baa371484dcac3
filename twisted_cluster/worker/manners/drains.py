"""
Who is told that this worker drains, and who has not finished yet.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.reflect import qual

from twisted_cluster.interfaces import IDrainable

log = Logger()


class Drains:
    """
    Calls into users' code: what it raises is logged, and what does not end is bounded by
    whoever asks.
    """

    def __init__(self, finished: Callable[[], object]) -> None:
        """
        @param finished: Called when somebody has finished.
        """
        self._finished = finished
        self._pending: dict[Deferred[Any], str] = {}
        self._complained: set[str] = set()

    @property
    def pending(self) -> Collection[str]:
        """
        What those are who have not finished yet.
        """
        return self._pending.values()

    def tell(self, one: object) -> bool:
        """
        Tell somebody, if it is to be told.

        @return: Whether it was.
        """
        name = qual(type(one))
        try:
            drainable = IDrainable(one, None)
            if drainable is None:
                return False
            answer = drainable.drain()
            if inspect.iscoroutine(answer):
                answer = Deferred.fromCoroutine(answer)
        except BaseException:
            # SystemExit too: others are still to be told.
            self.complain(name)
            return True
        if isinstance(answer, Deferred):
            self._await(answer, name)
        return True

    def _await(self, answer: Deferred[Any], name: str) -> None:
        self._pending[answer] = name
        answer.addErrback(lambda failure: self.complain(name, failure))
        answer.addBoth(self._end, answer)

    def _end(self, result: object, answer: Deferred[Any]) -> None:
        self._pending.pop(answer, None)
        self._finished()

    def complain(self, name: str, failure: object = None) -> None:
        """
        Say that something of somebody's has failed: of each kind once.
        """
        if name not in self._complained:
            self._complained.add(name)
            log.failure("{name} could not drain", failure, name=name)  # type: ignore[arg-type]
