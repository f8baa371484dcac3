"""
Relieves workers that do not take what they were handed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from twisted_cluster.primary.door.hands import WorkerHandle

GLANCE = 0.01


class Relief:
    """
    Looks at workers while they have anything that they have not taken, and lets others
    have it.
    """

    def __init__(
        self,
        reactor: Any,
        workers: Sequence[WorkerHandle],
        takeBack: Callable[[WorkerHandle, int], None],
        changed: Callable[[], None],
    ) -> None:
        """
        @param workers: Those that there are; the caller's list, which changes.
        @param takeBack: Called with a worker, and for how many of its connections others
            have room.
        @param changed: Called when a worker has stalled, or goes on.
        """
        self._reactor = reactor
        self._workers = workers
        self._takeBack = takeBack
        self._changed = changed
        self._glancing: Any = None

    def give(self, behind: Iterable[WorkerHandle]) -> None:
        """
        Give to others what workers do not take.
        """
        for worker in behind:
            others = [w for w in self._workers if w.offerable and not w.stalled]
            spare = sum(one.room for one in others if one is not worker)
            if spare > 0:
                self._takeBack(worker, spare)

    def watch(self) -> None:
        """
        Something was handed over: look whether it is taken.
        """
        if self._glancing is None:
            self._glancing = self._reactor.callLater(GLANCE, self._glance)

    def _glance(self) -> None:
        self._glancing = None
        changed = [worker for worker in self._workers if worker.glance()]
        if changed:
            self._changed()
            self.give([worker for worker in changed if worker.stalled])
        if any(worker.queued or worker.stalled for worker in self._workers):
            self.watch()

    def rest(self) -> None:
        """
        There are no workers.
        """
        if self._glancing is not None:
            self._glancing.cancel()
            self._glancing = None
