"""
What a primary does again and again.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from twisted.internet.process import reapAllProcesses

from twisted_cluster.primary.lives.reaping import Reaper
from twisted_cluster.primary.lives.rooms import Rooms
from twisted_cluster.wire.repeating import Repeating

# A fifth of the time after which a worker's heartbeat is stale.
LOOK = 0.05
# The reactor is told by a signal who has ended, but not one without handlers, or on a
# loop that keeps the signal to itself, as uvloop's does.
ASK = 0.2
# Nobody waits for an orphan's end: it only holds a number among some 30,000.
REAP = 1.0


class Pulse:
    """
    Looks at workers as long as there are any.

    @ivar rooms: Where they are.
    """

    def __init__(self, rooms: Rooms, *ticks: Callable[[], None]) -> None:
        """
        @param ticks: What else is to be called some 20 times a second.
        """
        self.rooms = rooms
        reactor = rooms.reactor
        looks = [rooms.door.look, *ticks]
        self._calls = [
            Repeating(reactor, look, LOOK, "the look at workers") for look in looks
        ]
        self._calls.append(
            Repeating(reactor, reapAllProcesses, ASK, "the look at what has ended")
        )
        reap = Reaper(reactor.seconds).reap
        self._reaping = Repeating(reactor, reap, REAP, "the reaping of orphans")

    def start(self) -> None:
        """
        There are workers.
        """
        for call in self._calls:
            call.start()
        if os.getpid() == 1:
            self._reaping.start()

    def rest(self) -> None:
        """
        There are no workers. L{start} begins again.
        """
        for call in (*self._calls, self._reaping):
            call.stop()
        self.rooms.door.rest()
        if self.rooms.guardian is not None:
            self.rooms.guardian.rest()
