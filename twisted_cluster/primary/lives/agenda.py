"""
What is to be done, one thing after the other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from twisted.logger import Logger

from twisted_cluster.core.actions import Action

log = Logger()


class Agenda:
    """
    Has actions done in order, whatever one of them raises. What one leads to comes after
    all that there is, so that nobody is ended before it has been started.
    """

    def __init__(self, do: Callable[[Action], object]) -> None:
        """
        @param do: Does one; may add others.
        """
        self._do = do
        self._waiting: deque[Action] = deque()
        self._isBusy = False

    def add(self, actions: Iterable[Action]) -> None:
        """
        Do these: now, or, where this is called by one of them, when all before are done.
        """
        self._waiting += actions
        if self._isBusy:
            return
        self._isBusy = True
        try:
            while self._waiting:
                self._try(self._waiting.popleft())
        finally:
            self._isBusy = False

    def _try(self, action: Action) -> None:
        try:
            self._do(action)
        except Exception:
            # Else the next would not be done: what is believed to start never would.
            log.failure("cannot do what is to be done: {action}", action=action)
