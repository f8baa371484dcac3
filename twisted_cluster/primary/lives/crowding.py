"""
What keeps this process from handing over: descriptors that are on their way already.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Generic, Protocol, TypeVar

from twisted.logger import Logger

from twisted_cluster.core.complaints import Complaints
from twisted_cluster.errors import ClusterError, MessageError
from twisted_cluster.wire.inflight import Count
from twisted_cluster.wire.limit import shareOf

log = Logger()
# Of those that a worker of ours has on their way there are a few.
LEAST = 128


class Crowded(Protocol):
    """
    What connections are handed to.

    @ivar isCrowdedOut: Whether that was refused because too many descriptors of this
        user's are on their way, whosever they are.
    """

    isCrowdedOut: bool


class Suspect(Protocol):
    """
    A worker, as far as it may be to blame.
    """

    @property
    def pid(self) -> int | None: ...

    @property
    def hand(self) -> Crowded: ...

    def refuse(self, error: ClusterError) -> None:
        """
        It does what no worker of ours would: kill it.
        """


W = TypeVar("W", bound=Suspect)


class Crowding(Generic[W]):
    """
    Tells of it, and looks which worker is to blame.
    """

    def __init__(self, workers: Callable[[], Iterable[W]]) -> None:
        """
        @param workers: Gives those that are online.
        """
        self._workers = workers
        self._complaints = Complaints(time.monotonic_ns)
        self._count: Count | None = None

    def look(self) -> None:
        """
        To be called some 20 times a second.
        """
        suspects = {one.pid: one for one in self._workers() if one.pid is not None}
        if self._count is not None:
            if self._count.found is None:
                return
            found = {pid: n for pid, n in self._count.found.items() if pid in suspects}
            self._count = None
            self._blame(found, suspects)
        crowded = [one.hand for one in suspects.values() if one.hand.isCrowdedOut]
        if crowded:
            # Without a thread at the next look.
            with suppress(RuntimeError):
                self._count = Count(suspects)
                for hand in crowded:
                    hand.isCrowdedOut = False

    def _blame(self, found: dict[int, int], suspects: dict[int, W]) -> None:
        worst = max(found, key=lambda pid: found[pid], default=0)
        isDue = self._complaints.isDue()
        if found.get(worst, 0) >= shareOf(4, LEAST):
            why = f"it has {found[worst]} descriptors on their way, and receives none"
            suspects[worst].refuse(MessageError(why))
        elif isDue:
            log.warn(
                "connections wait: processes of this user have as many descriptors on "
                "their way in sockets as the system allows (ETOOMANYREFS), and none of "
                "them is a worker; raise the limit (ulimit -n)"
            )
