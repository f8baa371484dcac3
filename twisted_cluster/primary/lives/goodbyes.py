"""
Who waits until a worker has left.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import Factory, define
from twisted.internet.defer import Deferred

from twisted_cluster.errors import CommandError


@define(eq=False)
class Goodbyes:
    """
    Tells them.
    """

    _gone: dict[int, list[Deferred[None]]] = Factory(dict)
    # Those that wait for a successor first, and their slots, by id.
    _slots: dict[int, int] = Factory(dict)

    def whenGone(self, id: int) -> Deferred[None]:
        """
        @return: Fires when this worker, which is there, is not there any more.
        """
        gone: Deferred[None] = Deferred()
        self._gone.setdefault(id, []).append(gone)
        return gone

    def whenReplaced(self, id: int, slot: int) -> Deferred[None]:
        """
        @return: The same; fails with L{CommandError} if it stays because its successor
            has failed.
        """
        self._slots[id] = slot
        return self.whenGone(id)

    def gone(self, id: int) -> None:
        """
        A worker is not there any more.
        """
        self._slots.pop(id, None)
        for each in self._gone.pop(id, ()):
            each.callback(None)

    def waitingFor(self, slot: int) -> Sequence[int]:
        """
        @return: The workers of a slot that wait for a successor.
        """
        return [id for id, number in self._slots.items() if number == slot]

    def stays(self, id: int, why: str) -> None:
        """
        A worker is not replaced after all.
        """
        self._slots.pop(id, None)
        for each in self._gone.pop(id, ()):
            each.errback(CommandError(why))
