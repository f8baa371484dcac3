"""
How many connections a port serves at a time.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet import tcp
from twisted.internet.interfaces import IDelayedCall

from twisted_cluster.events import ListenOptions
from twisted_cluster.reactors import IClusterReactor
from twisted_cluster.wire.closings import Closings
from twisted_cluster.wire.handed import Handed
from twisted_cluster.worker.ports.meter import Meter
from twisted_cluster.worker.ports.register import Register


class LimitedPort(tcp.Port):
    """
    Serves no more connections than it may.

    @ivar register: The ports of this worker.
    @ivar number: The listener's, or L{None} if the primary has nothing to do with it.
    @ivar active: The connections that it serves.
    @ivar closings: Where it counts what it closes, if anybody looks.
    @ivar dropped: How many were closed at once because it was full.
    """

    register: Register
    reactor: IClusterReactor
    number: int | None = None
    active = 0
    closings: Closings | None = None
    dropped = 0
    _most: int | None = None
    _closesMore = False
    _saying: IDelayedCall | None = None

    @property
    def maxConnections(self) -> int | None:
        """
        How many connections it may serve at a time; L{None} is any number.
        """
        return self._most

    @maxConnections.setter
    def maxConnections(self, most: int | None) -> None:
        self._most = ListenOptions(maxConnections=most).maxConnections
        self.limitChanged()

    @property
    def dropMaxConnections(self) -> bool:
        """
        Whether it closes what is one too many, rather than leave it to others.
        """
        return self._closesMore

    @dropMaxConnections.setter
    def dropMaxConnections(self, drops: bool) -> None:
        self._closesMore = ListenOptions(dropMaxConnections=drops).dropMaxConnections
        self.limitChanged()

    @property
    def room(self) -> int | None:
        """
        How many more it lets come; L{None} is any number.
        """
        return self.ownRoom

    @property
    def ownRoom(self) -> int | None:
        """
        The same, as far as this port's own limit says.
        """
        if self._most is None or self._closesMore:
            return None
        return max(0, self._most - self.active)

    def mustDrop(self) -> bool:
        """
        Whether one more connection is to be closed; if so, it is counted.
        """
        if not self._closesMore or self._most is None or self.active < self._most:
            return False
        self.dropped += 1
        return True

    def limitChanged(self) -> None:
        """
        There may be more room now, or less.
        """
        if self.number is None or self._saying is not None:
            return
        if self.number in self.register.meters or self.ownRoom is not None:
            # What changes often in one turn is said once.
            self._saying = self.reactor.callLater(0, self._sayWilling)

    def _sayWilling(self) -> None:
        self._saying = None
        if self.number is None:
            return
        meter = self.register.meters.setdefault(self.number, Meter())
        room = self.ownRoom
        willing = None if room is None else meter.received + room
        if meter.isNews(willing, self._most or 0):
            self.register.control.limit(self.number, willing)
            meter.told = willing

    def admit(
        self, connections: Sequence[Handed]
    ) -> tuple[Sequence[Handed], Sequence[Handed]]:
        """
        @return: The connections that there is room for, and those for which there is
            not, which others may have.
        """
        if self._most is None:
            return connections, ()
        room = max(0, self._most - self.active)
        if not self._closesMore:
            return connections[:room], connections[room:]
        for connection in connections[room:]:
            self.dropped += 1
            self.register.endings.lose(connection)
        return connections[:room], ()

    def stopSaying(self) -> None:
        """
        The port closes.
        """
        if self._saying is not None:
            self._saying.cancel()
            self._saying = None
