"""
Calls whose log lines say whose they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from twisted.python import context, log

ILogContext = log.ILogContext
Serve = Callable[..., None]


class Selectable(Protocol):
    """
    What a reactor reads and writes.
    """

    def logPrefix(self) -> str:
        """
        What the log calls it.
        """


Call = Callable[[Selectable, Serve, int, int], None]


def caller() -> Call:
    """
    @return: What does as L{log.callWithLogger}, in this turn of the loop: what that looks
        up in each call it has looked up before.
    """
    tracker = context.theContextTracker
    if type(tracker) is not context.ThreadedContextTracker:
        return _callSlowly
    contexts = tracker.currentContext().contexts
    common = context.get(ILogContext)

    def call(selectable: Selectable, serve: Serve, fd: int, event: int) -> None:
        try:
            system = selectable.logPrefix()
        except BaseException:
            _callSlowly(selectable, serve, fd, event)
            return
        contexts.append({ILogContext: {**common, "system": system}})
        try:
            try:
                serve(selectable, fd, event)
            finally:
                contexts.pop()
        except KeyboardInterrupt:
            raise
        except BaseException:
            log.err(system=system)

    return call


def _callSlowly(selectable: Selectable, serve: Serve, fd: int, event: int) -> None:
    log.callWithLogger(selectable, serve, selectable, fd, event)
