"""
Events, as Node's emitters have them, with Twisted's manners.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from inspect import iscoroutine
from typing import Any

from pyee.twisted import TwistedEventEmitter
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_cluster.errors import UnknownEventError

log = Logger()
_INTERNAL = ("new_listener", "failure")


class Emitter(TwistedEventEmitter):
    """
    A listener may take fewer arguments than its event has, and may be a coroutine
    function. What it raises is logged. The same function counts once for an event.

    @cvar EVENTS: The events that there are, and how many arguments each has.
    """

    EVENTS: Mapping[str, int] = {}

    def __init__(self) -> None:
        super().__init__()
        self.add_listener("failure", _logFailure)

    def on(self, event: str, f: Callable[..., Any] | None = None) -> Any:
        """
        Listen to an event, each time. Without C{f}, a decorator.

        @raise UnknownEventError: If there is no such event.
        """
        self._check(event, f)
        return self.listens_to(event) if f is None else self.add_listener(event, f)

    def once(self, event: str, f: Callable[..., Any] | None = None) -> Any:
        """
        Listen to an event, one time. Without C{f}, a decorator.

        @raise UnknownEventError: If there is no such event.
        """
        self._check(event, f)
        return super().once(event, f)

    def off(self, event: str, f: Callable[..., Any]) -> None:
        """
        Listen no more; if C{f} does not listen, nothing happens.

        @raise UnknownEventError: If there is no such event.
        """
        self._check(event)
        if f in self.listeners(event):
            self.remove_listener(event, f)

    def when(self, event: str) -> Deferred[Any]:
        """
        @return: Fires at the next such event, with its argument: L{None} if it has
            none, a tuple if it has several. Cancelling it stops the listening.
        @raise UnknownEventError: If there is no such event.
        """

        def forget(_: Deferred[Any]) -> None:
            self.off(event, happened)

        happening: Deferred[Any] = Deferred(forget)

        def happened(*arguments: Any) -> None:
            few = arguments[0] if arguments else None
            happening.callback(arguments if len(arguments) > 1 else few)

        self.once(event, happened)
        return happening

    def tell(self, event: str, *arguments: Any) -> None:
        """
        Say that an event happens. An error that nobody listens to is logged.
        """
        listeners = self._events.get(event)
        if listeners:
            for listener in tuple(listeners.values()):
                self._emit_run(listener, arguments, {})
        elif event == "error":
            log.failure("an error that nobody listens to", arguments[-1])

    def _emit_run(
        self, f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        # Most listeners return nothing, which pyee finds out at length.
        try:
            result = f(*args, **kwargs)
        except Exception:
            self.emit("failure", Failure())
            return
        if iscoroutine(result):
            result = Deferred.fromCoroutine(result)
        if isinstance(result, Deferred):
            result.addErrback(self._failed)

    def _failed(self, failure: Failure) -> None:
        self.emit("failure", failure)

    def _emit_handle_potential_error(self, event: str, error: Any) -> None:
        # tell() does that: an unheard error ends nothing here.
        pass

    def _check(self, event: str, f: Any = None) -> None:
        if f is not None and not callable(f):
            raise TypeError(f"{f!r:.80} cannot be called: it cannot listen to {event}")
        if event not in self.EVENTS:
            known = ", ".join(sorted(self.EVENTS))
            raise UnknownEventError(f"there is no event {event!r}; there are: {known}")

    def _add_event_handler(
        self, event: str, k: Callable[..., Any], v: Callable[..., Any]
    ) -> None:
        if event not in _INTERNAL:
            most = _mostArguments(k)
            if most < self.EVENTS[event]:
                v = _with(v, most)
        super()._add_event_handler(event, k, v)
        if event not in _INTERNAL:
            self.heard(event)

    def heard(self, event: str) -> None:
        """
        Somebody listens to an event now.
        """


def _with(f: Callable[..., Any], most: int) -> Callable[..., Any]:
    return lambda *arguments: f(*arguments[:most])


def _mostArguments(f: Callable[..., Any]) -> int:
    try:
        parameters = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        return sys.maxsize
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return sys.maxsize
    return sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)


def _logFailure(failure: Failure) -> None:
    log.failure("a listener failed", failure)
