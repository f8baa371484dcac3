"""
What a second signal means to a process that stops.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType
from typing import Any

from twisted.internet.interfaces import IReactorFromThreads

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class _Taken:
    """
    The signals of this process, for as long as any cluster in it stops.
    """

    def __init__(self) -> None:
        self._calls: list[Callable[[], object]] = []
        self._before: dict[int, Any] = {}

    def add(self, call: Callable[[], object]) -> None:
        """
        Call this, too.
        """
        self._calls.append(call)
        for number in SIGNALS:
            self._take(number)

    def remove(self, call: Callable[[], object]) -> None:
        """
        Call this no more; with the last one signals are given back, unless somebody else
        has taken them meanwhile.
        """
        if call in self._calls:
            self._calls.remove(call)
        if self._calls:
            return
        before, self._before = self._before, {}
        for number, handler in before.items():
            if signal.getsignal(number) == self._heard:
                signal.signal(number, handler)

    def _take(self, number: int) -> None:
        before = signal.getsignal(number)
        if before == self._heard or not callable(before):
            return
        try:
            signal.signal(number, self._heard)
        except ValueError:
            # This is no main thread: signals are somebody else's.
            return
        self._before[number] = before

    def _heard(self, number: int, frame: FrameType | None) -> None:
        before = self._before.get(number)
        if before is None or _stopsAlready(before):
            for call in list(self._calls):
                call()
        else:
            # A cluster may stop in a program that goes on: what that was told is its own.
            before(number, frame)


def _stopsAlready(handler: Callable[..., object]) -> bool:
    """
    Whether it is that of a reactor which would only say that it stops already.
    """
    return bool(getattr(getattr(handler, "__self__", None), "_stopped", False))


_taken = _Taken()


class Hurry:
    """
    While it is on, and the whole reactor stops, SIGINT and SIGTERM call something of
    ours: the reactor would only say that it is stopping already. Who has handlers of his
    own, or a reactor that goes on, hears them as before. Signals that nobody handles stay
    as they are.
    """

    def __init__(self, reactor: IReactorFromThreads, hurry: Callable[[], object]) -> None:
        """
        @param hurry: Called in the reactor's turn, not in the signal's.
        """
        self._reactor = reactor
        self._hurry = hurry

    def begin(self) -> None:
        """
        Take the signals.
        """
        _taken.add(self._heard)

    def end(self) -> None:
        """
        Give them back, if no other cluster of this process stops still.
        """
        _taken.remove(self._heard)

    def _heard(self) -> None:
        self._reactor.callFromThread(self._hurry)
