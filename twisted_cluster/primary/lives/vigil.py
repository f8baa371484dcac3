"""
Workers that are there and do not work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, Protocol, TypeVar

from twisted.logger import Logger

from twisted_cluster.core.member import LOST

log = Logger()

# A worker that lives takes what it is handed within a turn of its loop. This is longer
# than any but a broken one needs, and as long as its clients may be expected to wait.
DEAF_AFTER = 5.0
SECOND = 1_000_000_000
# As long as a worker is waited for by its loyal clients.
SILENT_AFTER = LOST / SECOND
# A worker shows life some 10 times a second: one that has not for so long is at work, and
# not deaf.
AT_WORK = 1.0


class Watched(Protocol):
    """
    A worker, as far as it is watched.
    """

    @property
    def id(self) -> int: ...

    @property
    def name(self) -> str: ...

    @property
    def heartbeat(self) -> int:
        """
        Its last sign of life, in monotonic nanoseconds; 0 before the first.
        """

    @property
    def deafSince(self) -> int | None:
        """
        Since when it has taken nothing of what it was handed, in the same; L{None} if
        it has.
        """


W = TypeVar("W", bound=Watched)


class Vigil(Generic[W]):
    """
    Looks at workers that are online, and tells once of each that takes nothing although
    its heart beats, and of each whose heart does not beat.
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
        self._isTold: set[int] = set()

    def look(self) -> None:
        """
        Look at all of them; to be called some times a second.
        """
        now = self._now()
        workers = list(self._workers())
        self._isTold &= {worker.id for worker in workers}
        for worker in workers:
            self._lookAt(worker, now)

    def _lookAt(self, worker: W, now: int) -> None:
        silence = (now - worker.heartbeat) / SECOND if worker.heartbeat else 0.0
        since = worker.deafSince
        if silence >= SILENT_AFTER:
            if worker.id not in self._isTold:
                self._isTold.add(worker.id)
                self._silent(worker, silence)
        elif worker.id in self._isTold:
            self._isTold.discard(worker.id)
            log.info("{worker} shows life again", worker=worker.name)
        elif since is not None and (now - since) / SECOND >= DEAF_AFTER:
            if silence < AT_WORK:
                self._deaf(worker, (now - since) / SECOND)
