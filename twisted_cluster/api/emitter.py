"""
Events, as Node's emitters have them, with Twisted's manners.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from inspect import iscoroutine
from typing import Any, TypeVar, cast, overload

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_cluster.errors import UnknownEventError

log = Logger()
Listener = TypeVar("Listener", bound=Callable[..., object])


@frozen(eq=False)
class _Ear:
    """
    @ivar most: How many arguments the listener takes.
    @ivar once: Whether it listens one time only.
    """

    most: int
    once: bool


class Emitter:
    """
    A listener may take fewer arguments than its event has, and may be a coroutine
    function. What it raises is logged, whatever it is: nothing that a listener does
    keeps others from hearing, or us from telling. The same function counts once for an
    event.

    @cvar EVENTS: The events that there are, and how many arguments each has.
    """

    EVENTS: Mapping[str, int] = {}

    def __init__(self) -> None:
        self._ears: dict[str, dict[Callable[..., object], _Ear]] = {}

    @overload
    def on(self, event: str, f: Listener) -> Listener: ...

    @overload
    def on(self, event: str) -> Callable[[Listener], Listener]: ...

    def on(self, event: str, f: Listener | None = None) -> object:
        """
        Listen to an event, each time. Without C{f}, a decorator.

        @raise UnknownEventError: If there is no such event.
        @raise TypeError: If C{f} cannot be called.
        """
        return self._add(event, f, once=False)

    @overload
    def once(self, event: str, f: Listener) -> Listener: ...

    @overload
    def once(self, event: str) -> Callable[[Listener], Listener]: ...

    def once(self, event: str, f: Listener | None = None) -> object:
        """
        Listen to an event, one time. Without C{f}, a decorator.

        @raise UnknownEventError: If there is no such event.
        @raise TypeError: If C{f} cannot be called.
        """
        return self._add(event, f, once=True)

    def off(self, event: str, f: Callable[..., object]) -> None:
        """
        Listen no more; if C{f} does not listen, nothing happens.

        @raise UnknownEventError: If there is no such event.
        """
        self._check(event)
        self._ears.get(event, {}).pop(f, None)

    def listeners(self, event: str) -> list[Callable[..., object]]:
        """
        @return: Who listens to an event, in the order in which they are told.
        """
        return list(self._ears.get(event, ()))

    def hears(self, event: str) -> bool:
        """
        Whether anybody listens to an event.
        """
        return bool(self._ears.get(event))

    def when(self, event: str) -> Deferred[Any]:
        """
        @return: Fires at the next such event, with its argument: L{None} if it has
            none, a tuple if it has several. Cancelling it stops the listening.
        @raise UnknownEventError: If there is no such event.
        """
        happening: Deferred[Any] = Deferred(lambda _: self.off(event, happened))

        def happened(*arguments: object) -> None:
            few = arguments[0] if arguments else None
            happening.callback(arguments if len(arguments) > 1 else few)

        self.once(event, happened)
        return happening

    def tell(self, event: str, *arguments: object) -> None:
        """
        Say that an event happens. An error that nobody listens to is logged.
        """
        ears = self._ears.get(event)
        if not ears:
            if event == "error":
                failure = cast(Failure, arguments[-1])
                log.failure("an error that nobody listens to", failure)
            return
        for f, ear in tuple(ears.items()):
            if ear.once:
                if ears.get(f) is not ear:
                    continue  # told already, by what an earlier listener has done
                del ears[f]
            _call(f, arguments[: ear.most])

    def heard(self, event: str) -> None:
        """
        Somebody listens to an event now.
        """

    def _add(self, event: str, f: Listener | None, once: bool) -> object:
        self._check(event)

        def add(f: Listener) -> Listener:
            if not callable(f):
                raise TypeError(
                    f"{f!r:.80} cannot be called: it cannot listen to {event}"
                )
            self._ears.setdefault(event, {})[f] = _Ear(_mostArguments(f), once)
            self.heard(event)
            return f

        return add if f is None else add(f)

    def _check(self, event: str) -> None:
        if event not in self.EVENTS:
            known = ", ".join(sorted(self.EVENTS))
            raise UnknownEventError(f"there is no event {event!r}; there are: {known}")


def _call(f: Callable[..., object], arguments: tuple[object, ...]) -> None:
    try:
        result = f(*arguments)
        if iscoroutine(result):
            result = Deferred.fromCoroutine(result)
    except BaseException:
        # Also sys.exit(), which in any reactor's callback ends nothing but that.
        log.failure("a listener failed")
        return
    if isinstance(result, Deferred):
        result.addErrback(lambda failure: log.failure("a listener failed", failure))


def _mostArguments(f: Callable[..., object]) -> int:
    try:
        parameters = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        return sys.maxsize
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return sys.maxsize
    return sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)
