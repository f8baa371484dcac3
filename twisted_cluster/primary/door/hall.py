"""
What all gates share.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen
from twisted.logger import Logger

from twisted_cluster.core.complaints import Complaints
from twisted_cluster.core.counting import Places
from twisted_cluster.primary.door.farewells import Farewells
from twisted_cluster.primary.door.hands import Hands
from twisted_cluster.primary.door.nap import Nap
from twisted_cluster.reactors import IPollingReactor
from twisted_cluster.wire.limit import shareOf

log = Logger()
# A connection that waits takes a descriptor and, with its first bytes, a kilobyte.
WAITING = 65536


def waitingPlaces() -> int:
    """
    How many connections may wait: half of the descriptors are for others.
    """
    return shareOf(2, WAITING)


@frozen
class Hall:
    """
    @ivar nanoseconds: The monotonic clock.
    @ivar hands: Who serves.
    @ivar places: How many may be served.
    @ivar farewells: What becomes of who is not served.
    @ivar complaints: What was said lately.
    @ivar nap: Where busy gates sleep.
    """

    reactor: IPollingReactor
    nanoseconds: Callable[[], int]
    hands: Hands
    places: Places
    farewells: Farewells
    complaints: Complaints
    nap: Nap

    def say(self, about: str, what: str) -> None:
        """
        Log something, at most once a minute.
        """
        if self.complaints.isDue(f"{about}: {what[:20]}"):
            log.warn("{about}: {what}", about=about, what=what)
