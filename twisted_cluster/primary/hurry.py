"""
What a second signal means to a process that stops.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType
from typing import Any

from twisted.internet.interfaces import IReactorFromThreads


class Hurry:
    """
    While it is on, SIGINT and SIGTERM call something of ours: the reactor would only say
    that it is stopping already. Signals that nobody handles stay as they are.
    """

    def __init__(self, reactor: IReactorFromThreads, hurry: Callable[[], object]) -> None:
        """
        @param hurry: Called in the reactor's turn, not in the signal's.
        """
        self._reactor = reactor
        self._hurry = hurry
        self._before: dict[int, Any] = {}

    def begin(self) -> None:
        """
        Take the signals.
        """
        for number in (signal.SIGINT, signal.SIGTERM):
            before = signal.getsignal(number)
            if not callable(before):
                continue
            try:
                signal.signal(number, self._heard)
            except ValueError:
                # This is no main thread: signals are somebody else's.
                return
            self._before[number] = before

    def end(self) -> None:
        """
        Give them back, unless somebody else has taken them meanwhile.
        """
        before, self._before = self._before, {}
        for number, handler in before.items():
            if signal.getsignal(number) == self._heard:
                signal.signal(number, handler)

    def _heard(self, number: int, frame: FrameType | None) -> None:
        self._reactor.callFromThread(self._hurry)
