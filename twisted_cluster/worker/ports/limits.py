"""
How many connections a port serves at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from attrs import define

from twisted_cluster.events import ListenOptions
from twisted_cluster.wire.handoff import Handed

if TYPE_CHECKING:
    from twisted_cluster.worker.link import Link

RETRY = 0.05


@define
class Meter:
    """
    What a listener has given this worker of what the worker is willing to be given.
    Both numbers only grow, and outlive the port: it may be opened again.

    @ivar received: Connections that came with a mark.
    @ivar told: What the primary knows the worker to be willing to take, in all.
    """

    received: int = 0
    told: int | None = None

    def isNews(self, willing: int | None, limit: int) -> bool:
        """
        Whether the primary has to know.

        @param limit: The port's. The primary need not know of each connection that has
            ended, while it can still give half of what the port can serve.
        """
        if willing is None or self.told is None or willing < self.told:
            return willing != self.told
        return willing > self.told and self.told - self.received <= limit // 2


class LimitedPort:
    """
    Serves no more connections than it may.

    @ivar active: The connections that it serves.
    @ivar dropped: How many were closed at once because it was full.
    """

    link: Link
    reactor: Any
    number: int | None = None
    active = 0
    dropped = 0
    _most: int | None = None
    _closesMore = False
    _saying: Any = None

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
        if self._most is None or self._closesMore:
            return None
        return max(0, self._most - self.active)

    def mustDrop(self) -> bool:
        """
        Whether one more connection is to be closed; if so, it is counted.
        """
        drops = self._closesMore and self._most is not None and self.active >= self._most
        self.dropped += drops
        return drops

    def limitChanged(self) -> None:
        """
        There may be more room now, or less.
        """
        if self.number is None or self._saying is not None:
            return
        if self.number in self.link.meters or self.room is not None:
            self._saying = self.reactor.callLater(0, self._sayWilling)

    def _sayWilling(self) -> None:
        self._saying = None
        if self.number is None:
            return
        meter = self.link.meters.setdefault(self.number, Meter())
        willing = None if self.room is None else meter.received + self.room
        if meter.isNews(willing, self._most or 0):
            if self.link.limit(self.number, willing):
                meter.told = willing
            else:
                self._saying = self.reactor.callLater(RETRY, self._sayWilling)

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
            self.link.intake.lose(connection)
        return connections[:room], ()

    def stopSaying(self) -> None:
        """
        The port closes.
        """
        if self._saying is not None:
            self._saying.cancel()
            self._saying = None
