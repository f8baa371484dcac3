"""
Signals that a process takes for its cluster: they are answered in the reactor's turn.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from types import FrameType

from twisted.internet.interfaces import IReactorFromThreads
from twisted.logger import Logger

from twisted_cluster.core.signals import Does, meaningOf
from twisted_cluster.primary.lives.signals import nameOf
from twisted_cluster.primary.lives.surroundings import atStart

log = Logger()

# So many of one kind are remembered that have come in one turn; more of "one worker
# more" is a slip of the hand.
MOST_WAITING = 16
COUNTED = (Does.MORE, Does.LESS)
# The reactor takes these when it runs; until then they are none the less for it.
REACTORS: dict[int, str] = {signal.SIGINT: "sigInt", signal.SIGTERM: "sigTerm"}


class TakenSignals:
    """
    Takes each signal that means something, or would end the process. Those that somebody
    has a handler for, or that were ignored when the process was started, are let be.
    """

    def __init__(
        self, reactor: IReactorFromThreads, answer: Callable[[int, Does], object]
    ) -> None:
        """
        @param answer: Given a signal and what it does; in the reactor's turn.
        """
        self._reactor = reactor
        self._answer = answer
        self._waiting: list[int] = []
        self._taken: list[int] = []
        self._blocked: set[int] = set()

    def take(self) -> None:
        """
        Take them.
        """
        # Workers are to have signals as they are now.
        atStart()
        for number in sorted(signal.valid_signals()):
            if self._isFree(number):
                self._takeOne(number, _whatDoes(number))
        # A fault of the process itself ends it all the same.
        signal.pthread_sigmask(signal.SIG_BLOCK, self._blocked)

    def _takeOne(self, number: int, does: Does) -> None:
        if number in REACTORS:
            signal.signal(number, getattr(self._reactor, REACTORS[number], self._heard))
        elif does is Does.STOP_LATER:
            if sys.platform == "linux":
                self._blocked.add(number)
        elif does is not Does.NOTHING:
            signal.signal(number, self._heard)
            self._taken.append(number)

    def giveBack(self) -> None:
        """
        Give back those that nobody else has taken meanwhile, and the reactor does not.
        """
        taken, self._taken = self._taken, []
        for number in taken:
            if signal.getsignal(number) == self._heard:
                signal.signal(number, signal.SIG_DFL)
        blocked, self._blocked = self._blocked, set()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, blocked)

    def look(self) -> None:
        """
        See whether one has come that is blocked; to be called again and again.
        """
        for number in signal.sigpending() & self._blocked:
            self._blocked.discard(number)
            self._answer(number, Does.STOP)

    def _isFree(self, number: int) -> bool:
        handler = signal.getsignal(number)
        return handler == signal.SIG_DFL or handler == signal.default_int_handler

    def _heard(self, number: int, frame: FrameType | None) -> None:
        if self._waiting.count(number) < MOST_WAITING:
            self._waiting.append(number)
            self._reactor.callFromThread(self._answerNext)

    def _answerNext(self) -> None:
        number = self._waiting.pop(0)
        does = _whatDoes(number)
        if does not in COUNTED and number in self._waiting:
            # The last of them is answered.
            return
        self._answer(number, does)


def _whatDoes(number: int) -> Does:
    return meaningOf(nameOf(number) or "").does
