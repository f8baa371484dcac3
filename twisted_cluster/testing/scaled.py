"""
As many workers as the load asks for, simulated: does it swing?
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from attrs import evolve, frozen

from twisted_cluster.core.scaling import Autoscale, Load, Span, lateness, waitingFor
from twisted_cluster.interfaces import ISchedulingPolicy
from twisted_cluster.testing.model_hand import ModelHand
from twisted_cluster.testing.outcome import Outcome
from twisted_cluster.testing.scenario import Scenario
from twisted_cluster.testing.simulation import Simulation

# As often as a real cluster looks.
EVERY = 1.0


@frozen
class Growth:
    """
    @ivar outcome: Who served how much, and how long it took.
    @ivar course: How many workers there were to be: pairs of (since when, how many).
    @ivar seconds: How long it took in all.
    """

    outcome: Outcome
    course: Sequence[tuple[float, int]]
    seconds: float

    @property
    def changes(self) -> int:
        """
        How often that changed.
        """
        return len(self.course) - 1

    @property
    def turns(self) -> int:
        """
        How often it was the other way than before: what swings turns.
        """
        counts = [count for _, count in self.course]
        ways = [later > sooner for sooner, later in pairwise(counts)]
        return sum(one != other for one, other in pairwise(ways))

    def countAt(self, second: float) -> int:
        """
        How many there were to be at a time.
        """
        return [count for since, count in self.course if since <= second][-1]


def simulateScaling(
    scenario: Scenario,
    policy: ISchedulingPolicy,
    span: Span,
    starting: float = 0.5,
) -> Growth:
    """
    Let everybody come, and be served by as many workers as that takes.

    @param scenario: How many workers it has does not matter; nothing blocks them.
    @param policy: A new one.
    @param starting: How long a worker takes to start, in seconds.
    """
    whole = evolve(scenario, workers=span.most, blocks={})
    return Scaled(whole, policy, span, starting).grow()


class Scaled(Simulation):
    """
    A simulation in which workers come and go.
    """

    def __init__(
        self, scenario: Scenario, policy: ISchedulingPolicy, span: Span, starting: float
    ) -> None:
        self._count = span.least
        super().__init__(scenario, policy)
        self._scale = Autoscale(span)
        self._starting = starting
        self._there = {hand.number: hand for hand in self._hands}
        self._history = [(0.0, self._count)]

    @property
    def _first(self) -> int:
        return self._count

    def grow(self) -> Growth:
        """
        Until nobody is left who can be served.
        """
        self._timeline.every(EVERY, self._lookAtLoad)
        outcome = self.run("scaled")
        return Growth(outcome, self._history, self._timeline.now)

    def _lookAtLoad(self) -> None:
        now = self._timeline.now
        change = self._scale.look(now, self._load(), self._count)
        if change is None:
            return
        before, self._count = self._count, change.count
        self._history.append((now, change.count))
        for number in range(before + 1, change.count + 1):
            self._timeline.at(now + self._starting, self._start, number)
        for number in range(change.count + 1, before + 1):
            self._end(number)

    def _load(self) -> Load:
        hands = list(self._there.values())
        now = self._timeline.nanoseconds()
        return Load(
            len(hands),
            lateness((one.page.lag, now - one.page.heartbeat) for one in hands),
            len(self._lines) + waitingFor(one.queued for one in hands),
            sum(one.page.cpu for one in hands) / 1e6,
        )

    def _start(self, number: int) -> None:
        if number <= self._count and number not in self._there:
            hand = self._newHand(number)
            self._hands.append(hand)
            self._there[number] = hand
            self._look()
            self._changed()

    def _end(self, number: int) -> None:
        hand = self._there.pop(number, None)
        if hand is None:
            return
        self._roster.leave(hand)
        self._users.leave(hand.id)
        self._redirect(hand)
        hand.worker.end()

    def _redirect(self, hand: ModelHand) -> None:
        for visit in reversed(list(hand.takeBack())):
            self._lines.add(self._asking.lineOf(visit.facts), visit, first=True)
        self._changed()
