"""
Workers that are there and do not work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, Protocol, TypeVar

from twisted_cluster.core.member import LOST
from twisted_cluster.primary.lives.told import Subject, tell

# A worker that lives takes what it is handed within a turn of its loop. This is longer
# than any but a broken one needs, and as long as its clients may be expected to wait.
DEAF_AFTER = 5.0
# A heart that has beaten within this time beats: 20 times as long as between two beats.
BEATS = 1.0
SECOND = 1_000_000_000
# As long as a worker is waited for by its loyal clients.
SILENT_AFTER = LOST / SECOND


class Signs(Protocol):
    """
    What is seen of a worker.
    """

    @property
    def heartbeat(self) -> int:
        """
        Its last sign of life, in monotonic nanoseconds; 0 before the first.
        """

    @property
    def isHeld(self) -> bool:
        """
        Whether somebody looks at it with a debugger.
        """

    @property
    def takesNothing(self) -> int | None:
        """
        Since when it has taken nothing of what it was handed, in the same; L{None} if
        it has.
        """


class Watched(Subject, Protocol):
    """
    A worker, as far as it is watched.
    """

    @property
    def id(self) -> int: ...

    @property
    def hand(self) -> Signs: ...


W = TypeVar("W", bound=Watched)


class Vigil(Generic[W]):
    """
    Looks at workers that are online, and tells once of each that takes nothing although
    its heart beats, and of each whose heart does not beat and whom nobody holds.
    """

    def __init__(
        self,
        nanoseconds: Callable[[], int],
        workers: Callable[[], Iterable[W]],
        deaf: Callable[[W, float], None],
        silent: Callable[[W, float], None],
    ) -> None:
        """
        @param nanoseconds: The monotonic clock.
        @param workers: Gives those that are online.
        @param deaf: Told of a worker, and for how many seconds it has been deaf.
        @param silent: The same for one whose heart does not beat.
        """
        self._now = nanoseconds
        self._workers = workers
        self._deaf = deaf
        self._silent = silent
        self._silentOnes: set[int] = set()
        self._deafOnes: set[int] = set()

    def look(self) -> None:
        """
        Look at all of them; to be called some times a second.
        """
        now = self._now()
        workers = list(self._workers())
        there = {worker.id for worker in workers}
        self._silentOnes &= there
        self._deafOnes &= there
        for worker in workers:
            self._lookAt(worker, now)

    def _lookAt(self, worker: W, now: int) -> None:
        if worker.hand.isHeld:
            return
        beat = worker.hand.heartbeat
        silence = (now - beat) / SECOND if beat else 0.0
        if silence < -BEATS:
            # A beat of the future is none.
            silence = SILENT_AFTER
        if silence >= SILENT_AFTER:
            if worker.id not in self._silentOnes:
                self._silentOnes.add(worker.id)
                self._silent(worker, silence)
            return
        if worker.id in self._silentOnes:
            self._silentOnes.discard(worker.id)
            tell("info", "{worker} shows life again", worker)
        # While its heart does not beat it may be at work.
        if silence < BEATS:
            self._lookWhetherDeaf(worker, now)

    def _lookWhetherDeaf(self, worker: W, now: int) -> None:
        since = worker.hand.takesNothing
        seconds = 0.0 if since is None else (now - since) / SECOND
        if seconds < DEAF_AFTER:
            self._deafOnes.discard(worker.id)
        elif worker.id not in self._deafOnes:
            self._deafOnes.add(worker.id)
            self._deaf(worker, seconds)
