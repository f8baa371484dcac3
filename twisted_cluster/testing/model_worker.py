"""
A worker, simulated: an event loop that does one thing after the other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from attrs import define
from zope.interface import implementer

from twisted_cluster.events import ConnectionFacts
from twisted_cluster.interfaces import IWorkerLoad
from twisted_cluster.primary.door.hands import LOST, STALE
from twisted_cluster.testing.facts import MEGABYTE
from twisted_cluster.testing.scenario import Scenario
from twisted_cluster.testing.timeline import Timeline
from twisted_cluster.worker.vitals import SMOOTHING

BEAT = 0.1
MEASURE = 1.0


@define
class Visit:
    """
    A connection, simulated.

    @ivar client: The client's number.
    @ivar arrived: When it came.
    @ivar service: For how long it keeps an event loop busy.
    @ivar hold: For how long it stays open after that.
    """

    client: int
    facts: ConnectionFacts
    arrived: float
    service: float
    hold: float


@define
class Counts:
    """
    What a worker says of itself.
    """

    taken: int = 0
    opened: int = 0
    closed: int = 0


@implementer(IWorkerLoad)
class ModelWorker:
    """
    It takes what was handed to it whenever its loop turns, and serves in that order.

    @ivar fresh: Whether it had shown life lately, when last looked at.
    @ivar reachable: Whether it had not long ago.
    @ivar stalled: Whether it has not taken what it was handed for a while, nor shown
        life since.
    @ivar busy: Whether the loop does something now.
    """

    group = ""
    generation = 1
    cpu = 0.0
    rss = 50 * MEGABYTE
    draining = False

    def __init__(
        self,
        number: int,
        scenario: Scenario,
        timeline: Timeline,
        begun: Callable[[], object],
        served: Callable[[ModelWorker, Visit], object],
        changed: Callable[[], object],
    ) -> None:
        """
        @param begun: Told when the loop begins with a connection.
        @param served: Told when it is done with one.
        @param changed: Told when what policies see of the worker may have changed.
        """
        self.number = self.id = number
        self.weight = scenario.weights.get(number, 1)
        self.group = scenario.groups.get(number, "")
        self.fresh = self.reachable = True
        self.stalled = self.busy = False
        self.lag = 0.0
        self._window = scenario.window
        self._slowness = scenario.slow.get(number, 1.0)
        self._timeline = timeline
        self._begun, self._served, self._changed = begun, served, changed
        self._sent, self._own = 0, Counts()
        self._seen = self._own
        self._inbox: deque[Visit] = deque()
        self._line: deque[tuple[float, Visit | None]] = deque()
        self._beatDue: float | None = None
        self._heartbeat = self._stalledAt = self._used = 0.0
        self._measured = (0.0, 0.0)
        self._takenBefore = -1
        self._beat()
        if scenario.staleness:
            timeline.every(scenario.staleness, self._publish)

    @property
    def active(self) -> int:
        return self._seen.opened - self._seen.closed

    @property
    def queued(self) -> int:
        return self._sent - self._seen.taken

    @property
    def age(self) -> float:
        return self._timeline.now

    @property
    def room(self) -> int:
        """
        How many connections it can be handed.
        """
        return self._window - len(self._inbox)

    @property
    def untaken(self) -> int:
        """
        How many it was handed and has not taken, whatever it says.
        """
        return len(self._inbox)

    def look(self) -> None:
        """
        See whether it has shown life lately.
        """
        silence = (self._timeline.now - self._heartbeat) * 1e9
        self.fresh, self.reachable = silence < STALE, silence < LOST

    def glance(self) -> bool:
        """
        See whether it takes what it is handed.

        @return: Whether that has changed.
        """
        before, taken = self.stalled, self._own.taken
        isSame = taken == self._takenBefore
        if not before and self._inbox and isSame:
            self.stalled, self._stalledAt = True, self._heartbeat
        elif before and (self._heartbeat > self._stalledAt or not isSame):
            self.stalled = False
        self._takenBefore = taken if self._inbox or self.stalled else -1
        return self.stalled != before

    def give(self, visit: Visit) -> None:
        """
        Hand over a connection.
        """
        self._sent += 1
        self._inbox.append(visit)
        self._wake()

    def takeBack(self, count: int) -> list[Visit]:
        """
        Take back what the worker has not taken.

        @param count: No more than so many.
        """
        back = [self._inbox.popleft() for _ in range(min(count, len(self._inbox)))]
        self._sent -= len(back)
        return back

    def block(self, seconds: float) -> None:
        """
        Stop the loop, after what it does now.
        """
        self._line.appendleft((seconds, None))
        self._wake()

    def _wake(self) -> None:
        if not self.busy:
            self._turn()

    def _turn(self) -> None:
        if self._beatDue is not None:
            self._beat()
        if self._inbox:
            self._take()
        if self._line:
            self._begin(*self._line.popleft())

    def _take(self) -> None:
        self._own.taken += len(self._inbox)
        self._own.opened += len(self._inbox)
        self._line.extend((v.service * self._slowness, v) for v in self._inbox)
        self._inbox.clear()
        self._changed()

    def _begin(self, seconds: float, visit: Visit | None) -> None:
        self.busy = True
        if visit is not None:
            self._begun()
        self._timeline.at(self._timeline.now + seconds, self._end, seconds, visit)

    def _end(self, seconds: float, visit: Visit | None) -> None:
        self.busy = False
        self._used += seconds
        if visit is not None:
            self._served(self, visit)
            self._timeline.at(self._timeline.now + visit.hold, self._close)
        self._turn()

    def _close(self) -> None:
        self._own.closed += 1
        self._changed()

    def _publish(self) -> None:
        own = self._own
        self._seen = Counts(own.taken, own.opened, own.closed)
        self._changed()

    def _beatOrWait(self) -> None:
        self._beatDue = self._timeline.now
        if not self.busy:
            self._beat()

    def _beat(self) -> None:
        self._heartbeat = now = self._timeline.now
        if self._beatDue is not None:
            self.lag += ((now - self._beatDue) * 1e6 - self.lag) / SMOOTHING
        self._beatDue = None
        since, used = self._measured
        if now - since >= MEASURE:
            self.cpu = (self._used - used) / (now - since)
            self._measured = now, self._used
        self._timeline.at(now + BEAT, self._beatOrWait)
