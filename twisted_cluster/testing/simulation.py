"""
A policy at work, simulated: no reactor, no sockets, no chance but the seed's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import count
from random import Random

from twisted_cluster.core.counting import Places
from twisted_cluster.core.decision import Asking, Decision, Shares, Way
from twisted_cluster.core.lines import Lines
from twisted_cluster.core.member import Post
from twisted_cluster.core.roster import Roster
from twisted_cluster.core.users import Users
from twisted_cluster.events import NO_LIMITS, ConnectionFacts
from twisted_cluster.interfaces import (
    IGroupingPolicy,
    ILookingPolicy,
    ILoyalPolicy,
    ISchedulingPolicy,
)
from twisted_cluster.primary.door.hall import WAITING
from twisted_cluster.primary.door.relief import GLANCE
from twisted_cluster.primary.pulse import LOOK
from twisted_cluster.testing.model_hand import HearsLate, ModelHand, OldNews
from twisted_cluster.testing.model_worker import ModelWorker, Visit
from twisted_cluster.testing.outcome import Course, Outcome
from twisted_cluster.testing.scenario import Block, Scenario
from twisted_cluster.testing.timeline import Timeline

# Seconds without anything that is done: who waits then will not be served.
IDLE = 60.0
# Nobody is sent away because of having waited long: that is for the outcome to show.
FOR_EVER = 1 << 62


def simulatePolicy(
    scenario: Scenario, policy: ISchedulingPolicy, name: str = ""
) -> Outcome:
    """
    Let everybody come, and be served.

    @param policy: A new one.
    @param name: What to call it.
    """
    return Simulation(scenario, policy).run(name or type(policy).__name__)


class Simulation:
    """
    The primary: what L{twisted_cluster.primary.door.door} does, by the same rules, in a
    time of its own.
    """

    def __init__(self, scenario: Scenario, policy: ISchedulingPolicy) -> None:
        self._policy = policy
        self._scenario = scenario
        self._facts = cache(self._factsOf)
        self._timeline = Timeline()
        self._course = Course(self._timeline, scenario.workers)
        self._backlog: deque[Visit] = deque()
        self._toCome = scenario.connections
        self._asked = self._glancing = False
        self._roster: Roster[ModelHand] = Roster()
        self._users: Users[ModelHand] = Users(
            Visit.listener,
            loyal=ILoyalPolicy.providedBy(policy),
            grouped=IGroupingPolicy.providedBy(policy),
        )
        self._ids = count(1)
        self._hands = [self._newHand(n + 1) for n in range(self._first)]
        self._lines: Lines[Visit] = Lines(WAITING)
        self._asking: Asking[ModelHand] = Asking(self._hearing(policy))
        places = Places(NO_LIMITS)
        self._decision = Decision(self._users, self._asking, self._lines, places)

    @property
    def _first(self) -> int:
        """
        How many workers there are at first.
        """
        return self._scenario.workers

    def _newHand(self, number: int) -> ModelHand:
        scenario = self._scenario
        worker = ModelWorker(
            self._timeline,
            scenario.slow.get(number, 1.0),
            self._course.begun,
            lambda visit: self._served(number, visit),
            self._changed,
        )
        weight, group = scenario.weights.get(number, 1), scenario.groups.get(number, "")
        post = Post(next(self._ids), number, group, weight)
        hand = ModelHand(post, worker, scenario.window)
        self._roster.enter(hand)
        self._users.join(hand)
        return hand

    def _hearing(self, policy: ISchedulingPolicy) -> ISchedulingPolicy:
        if not self._scenario.staleness:
            return policy
        news = [OldNews(hand) for hand in self._hands]

        def publish() -> None:
            for each in news:
                each.publish()
            self._changed()

        self._timeline.every(self._scenario.staleness, publish)
        return HearsLate(policy, news)

    def run(self, name: str) -> Outcome:
        """
        Until nobody is left who can be served.
        """
        self._roster.look(self._timeline.nanoseconds())
        self._beginArrivals()
        if self._scenario.rescue:
            self._timeline.every(LOOK, self._look)
        for number, block in self._scenario.blocks.items():
            random = self._scenario.random(f"blocks {number}")
            self._blockAgain(self._hands[number - 1].worker, block, random, 0.0)
        self._timeline.run(self._isOver)
        weights = self._scenario.weights
        numbers = range(1, self._scenario.workers + 1)
        return self._course.outcome(name, [weights.get(n, 1) for n in numbers])

    # Who comes, and goes

    def _factsOf(self, client: int) -> ConnectionFacts:
        facts = self._scenario.facts(client)
        if not ILookingPolicy.providedBy(self._policy) or self._policy.look is None:
            return facts._replace(first=b"")
        return facts._replace(first=facts.first[: self._policy.look.limit])

    def _beginArrivals(self) -> None:
        scenario = self._scenario
        self._gaps = scenario.arrivals.gaps(scenario.random("arrivals"))
        self._lengths = self._draw(scenario)
        self._chance = scenario.random("clients")
        if not scenario.arrivals.clients:
            self._timeline.at(next(self._gaps), self._comeFromAnywhere)
        for client in range(scenario.arrivals.clients):
            self._timeline.at(next(self._gaps), self._come, client)

    def _draw(self, scenario: Scenario) -> Iterator[tuple[float, float]]:
        service, hold = scenario.random("service"), scenario.random("hold")
        while True:
            yield scenario.service.draw(service), scenario.hold.draw(hold)

    def _comeFromAnywhere(self) -> None:
        self._come(int(self._chance.random() * self._scenario.clients))
        if self._toCome:
            self._timeline.at(
                self._timeline.now + next(self._gaps), self._comeFromAnywhere
            )

    def _come(self, client: int) -> None:
        if self._toCome:
            self._toCome -= 1
            service, hold = next(self._lengths)
            now, facts = self._timeline.now, self._facts(client)
            self._backlog.append(Visit(client, facts, now, service, hold, FOR_EVER))
            self._course.arrived()
            self._accept()

    def _served(self, number: int, visit: Visit) -> None:
        self._course.served(number, self._timeline.now - visit.arrived)
        if self._scenario.arrivals.clients:
            self._timeline.at(
                self._timeline.now + next(self._gaps), self._come, visit.client
            )

    # What the door does

    def _serve(self) -> None:
        """
        Something has changed while somebody waits.
        """
        self._asked = False
        self._roster.changed()
        self._accept()

    def _accept(self) -> None:
        """
        Hand over what waits, as long as somebody can take it.
        """
        self._roster.recheck()
        self._lines.serve(self._route)
        while self._backlog:
            if self._decision.before(self._ready(), len(self._lines)) is not Way.GIVE:
                break
            self._route(self._backlog.popleft(), waited=False)

    def _ready(self) -> tuple[ModelHand, ...]:
        return self._users.ready(self._roster.version)

    def _route(self, visit: Visit, waited: bool = True) -> bool:
        """
        @return: Whether it was handed over.
        """
        decided = self._decision.decide(visit.facts, self._ready(), waited)
        if decided.member is not None:
            self._lines.passed |= bool(self._lines) and not waited
            self._give(decided.member, visit)
        elif decided.way is Way.HOLD and not waited:
            self._lines.add(decided.line, visit)
        return decided.member is not None

    def _give(self, hand: ModelHand, visit: Visit) -> None:
        if not hand.add(visit):
            self._roster.note(hand)
        hand.worker.give(visit)
        if hand.queued and self._scenario.rescue:
            self._watch()

    def _changed(self) -> None:
        if (self._lines or self._backlog) and not self._asked:
            self._asked = True
            self._timeline.at(self._timeline.now, self._serve)

    def _look(self) -> None:
        self._relieve(self._roster.look(self._timeline.nanoseconds()))

    def _watch(self) -> None:
        if not self._glancing:
            self._glancing = True
            self._timeline.at(self._timeline.now + GLANCE, self._glance)

    def _glance(self) -> None:
        """
        Look for workers that do not take what they were handed.
        """
        self._glancing = False
        changed = self._roster.glance(self._timeline.nanoseconds())
        if changed:
            self._relieve(hand for hand in changed if hand.stalled)
        if self._roster.isBusy:
            self._watch()

    def _relieve(self, behind: Iterable[ModelHand]) -> None:
        """
        Give to others what workers do not take.
        """
        for hand in behind:
            shares = Shares(self._roster, hand)
            if shares.mayTake(self._users):
                self._takeBack(hand, shares)
        self._changed()

    def _takeBack(self, hand: ModelHand, shares: Shares[ModelHand]) -> None:
        moving = []
        for visit in list(hand.takeBack()):
            if shares.take(self._users):
                moving.append(visit)
            else:
                self._give(hand, visit)
        for visit in reversed(moving):
            self._lines.add(self._asking.lineOf(visit.facts), visit, first=True)

    def _blockAgain(
        self, worker: ModelWorker, block: Block, random: Random, seconds: float
    ) -> None:
        if seconds:
            worker.block(seconds)
        pause = random.expovariate(1 / block.every)
        when = self._timeline.now + pause
        self._timeline.at(when, self._blockAgain, worker, block, random, block.lasting)

    def _isOver(self) -> bool:
        progress = self._course
        if not progress.left:
            return not self._toCome
        idle = self._timeline.now - progress.last
        return idle > IDLE and not any(hand.worker.isBusy for hand in self._hands)
