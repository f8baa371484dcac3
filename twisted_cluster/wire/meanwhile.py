"""
Waiting for a moment without a turn of the reactor's loop.
"""

from __future__ import annotations

import select

from twisted.internet.interfaces import IReactorFDSet

# The largest descriptor that select(2) knows is one less.
_SELECTABLE = 1024
# Nanoseconds by which the kernel may let whoever sleeps be late.
_SLACK = 50_000
_Epoll = getattr(select, "epoll", None)


class Meanwhile:
    """
    Sees whether a reactor has anything to do. The stock one of epoll can be asked without
    a turn: what it waits for events with can be waited for as well. Any other one has
    something to do, for all that is known.
    """

    def __init__(self, reactor: IReactorFDSet) -> None:
        poller = getattr(reactor, "_poller", None)
        # The lean one does things of which its epoll object does not know yet.
        isStock = type(poller) is _Epoll and not hasattr(reactor, "beginLean")
        self._poller = poller if isStock else None

    def isNothing(self, nanoseconds: int) -> bool:
        """
        Wait until something can be read or written, or a while is over. What the reactor
        itself is to call later is not looked at.

        @param nanoseconds: The longest that it may be.
        @return: Whether there was nothing.
        """
        if self._poller is None:
            return False
        fd = self._poller.fileno()
        if not 0 <= fd < _SELECTABLE:
            return False
        seconds = (nanoseconds - _SLACK) / 1e9
        return not select.select((fd,), (), (), seconds)[0]
