"""
Workers that have served for long enough are replaced, one at a time.
"""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime

from twisted_cluster.core.places import Renewal
from twisted_cluster.core.recycling import Recycling, Wear
from twisted_cluster.primary.lives.process import WorkerProcess
from twisted_cluster.primary.lives.supervisor import Supervisor

# They are looked at so often, in seconds.
EVERY = 1.0
# Who is long in finishing what it serves holds up the next no longer.
LONGEST = 30.0


class Tending:
    """
    Looks who is worn.
    """

    def __init__(
        self, clock: IReactorTime, supervisor: Supervisor, recycling: Recycling
    ) -> None:
        """
        @param clock: Counts monotonic seconds.
        """
        self._clock = clock
        self._supervisor = supervisor
        self._recycling = recycling
        self._looked = 0.0
        # Who was replaced last, and when.
        self._last = (0, 0.0)

    def look(self) -> None:
        """
        To be called some 20 times a second.
        """
        now = self._clock.seconds()
        if not self._recycling.isAsked or now - self._looked < EVERY:
            return
        self._looked = now
        if self._mayReplace(now):
            self._replaceOne(now)

    def _mayReplace(self, now: float) -> bool:
        """
        Whether nobody comes or goes.
        """
        id, since = self._last
        isGoing = id in self._supervisor.workers and now - since < LONGEST
        return self._supervisor.isCalm and not isGoing

    def _replaceOne(self, now: float) -> None:
        workers = self._supervisor.workers.values()
        worn = self._recycling.look(_wearOf(one) for one in workers if one.isOnline)
        if worn is not None:
            self._last = worn.id, now
            self._supervisor.replace(worn.id, Renewal(worn.why))


def _wearOf(worker: WorkerProcess) -> Wear:
    page = worker.hand.page
    return Wear(worker.id, worker.age, page.opened, page.rss)
