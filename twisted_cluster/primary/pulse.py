"""
What a primary does again and again.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from twisted.internet.process import reapAllProcesses

from twisted_cluster.primary.lives.reaping import Reaper
from twisted_cluster.primary.lives.rooms import Rooms
from twisted_cluster.wire.repeating import Guarded, Repeating

# A fifth of the time after which a worker's heartbeat is stale.
LOOK = 0.05
# With every fourth look. The reactor is told by a signal who has ended, but not one
# without handlers, or on a loop that keeps the signal to itself, as uvloop's does.
ASK = 4
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
        self._calls = [
            Guarded(call, "the look at workers") for call in (rooms.door.look, *ticks)
        ]
        self._ask = Guarded(reapAllProcesses, "the look at what has ended")
        self._looks = 0
        # One timer for all: each would wake this process by itself.
        self._looking = Repeating(reactor, self._look, LOOK, "the look at workers")
        reap = Reaper(reactor.seconds).reap
        self._reaping = Repeating(reactor, reap, REAP, "the reaping of orphans")

    def start(self) -> None:
        """
        There are workers.
        """
        self._looking.start()
        if os.getpid() == 1:
            self._reaping.start()

    def rest(self) -> None:
        """
        There are no workers. L{start} begins again.
        """
        self._looking.stop()
        self._reaping.stop()
        self.rooms.door.rest()
        if self.rooms.guardian is not None:
            self.rooms.guardian.rest()

    def _look(self) -> None:
        for call in self._calls:
            # One may have stopped it.
            if self._looking.running:
                call()
        self._looks += 1
        if not self._looks % ASK:
            self._ask()
