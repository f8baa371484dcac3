"""
A worker, simulated: an event loop that does one thing after the other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from attrs import define

from twisted_cluster.events import ConnectionFacts
from twisted_cluster.testing.facts import MEGABYTE
from twisted_cluster.testing.timeline import Timeline
from twisted_cluster.worker.vitals import BEAT_EVERY, MEASURE_EVERY, SMOOTHING

# As often as a real worker says that it lives, and measures itself; in seconds.
BEAT = BEAT_EVERY / 1e9
MEASURE = MEASURE_EVERY / 1e9


@define
class Visit:
    """
    A connection, simulated.

    @ivar client: The client's number.
    @ivar arrived: When it came.
    @ivar service: For how long it keeps an event loop busy.
    @ivar hold: For how long it stays open after that.
    @ivar until: When it has waited long enough, in nanoseconds.
    """

    listener = 1
    tally = 0

    client: int
    facts: ConnectionFacts
    arrived: float
    service: float
    hold: float
    until: int


@define
class ModelPage:
    """
    What a worker says of itself; see L{twisted_cluster.core.roster.Counters}.
    """

    heartbeat: int = 0
    taken: int = 0
    opened: int = 0
    closed: int = 0
    lag: int = 0
    headroom: int = 1 << 40
    waiting: int = 0
    born: int = 0
    cpu: int = 0
    rss: int = 50 * MEGABYTE
    held: int = 0

    @property
    def counted(self) -> int:
        return self.taken


class ModelWorker:
    """
    It takes what was handed to it whenever its loop turns, and serves in that order.

    @ivar page: What it says of itself.
    @ivar inbox: What it was handed and has not taken.
    @ivar isBusy: Whether the loop does something now.
    """

    def __init__(
        self,
        timeline: Timeline,
        slowness: float,
        begun: Callable[[], object],
        served: Callable[[Visit], object],
        changed: Callable[[], object],
    ) -> None:
        """
        @param slowness: How many times as long it takes as others.
        @param begun: Told when the loop begins with a connection.
        @param served: Told when it is done with one.
        @param changed: Told when the page may have changed.
        """
        self.page = ModelPage()
        self.inbox: deque[Visit] = deque()
        self.isBusy = self._hasEnded = False
        self._timeline = timeline
        self._slowness = slowness
        self._begun, self._served, self._changed = begun, served, changed
        self._line: deque[tuple[float, Visit | None]] = deque()
        self._beatDue: float | None = None
        self._used = 0.0
        self._measured = (0.0, 0.0)
        self._beat()

    def give(self, visit: Visit) -> None:
        """
        Hand over a connection.
        """
        self.inbox.append(visit)
        self._wake()

    def block(self, seconds: float) -> None:
        """
        Stop the loop, after what it does now.
        """
        self._line.appendleft((seconds, None))
        self._wake()

    def end(self) -> None:
        """
        Nothing more is handed over: what it has it serves.
        """
        self._hasEnded = True

    def _wake(self) -> None:
        if not self.isBusy:
            self._turn()

    def _turn(self) -> None:
        if self._beatDue is not None:
            self._beat()
        if self.inbox:
            self._take()
        if self._line:
            self._begin(*self._line.popleft())

    def _take(self) -> None:
        self.page.taken += len(self.inbox)
        self.page.opened += len(self.inbox)
        self._line.extend((v.service * self._slowness, v) for v in self.inbox)
        self.inbox.clear()
        self._changed()

    def _begin(self, seconds: float, visit: Visit | None) -> None:
        self.isBusy = True
        if visit is not None:
            self._begun()
        self._timeline.at(self._timeline.now + seconds, self._end, seconds, visit)

    def _end(self, seconds: float, visit: Visit | None) -> None:
        self.isBusy = False
        self._used += seconds
        if visit is not None:
            self._served(visit)
            self._timeline.at(self._timeline.now + visit.hold, self._close)
        self._turn()

    def _close(self) -> None:
        self.page.closed += 1
        self._changed()

    def _beatOrWait(self) -> None:
        self._beatDue = self._timeline.now
        if not self.isBusy:
            self._beat()

    def _beat(self) -> None:
        page, now = self.page, self._timeline.now
        page.heartbeat = self._timeline.nanoseconds()
        if self._beatDue is not None:
            late = int((now - self._beatDue) * 1e9)
            page.lag += (late - page.lag) // SMOOTHING
        self._beatDue = None
        since, used = self._measured
        if now - since >= MEASURE:
            page.cpu = int((self._used - used) / (now - since) * 1e6)
            self._measured = now, self._used
        if not self._hasEnded:
            self._timeline.at(now + BEAT, self._beatOrWait)
