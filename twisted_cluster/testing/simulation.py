"""
A policy at work, simulated: no reactor, no sockets, no chance but the seed's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from functools import cache
from random import Random

from twisted_cluster.events import ConnectionFacts
from twisted_cluster.interfaces import ILookingPolicy, ILoyalPolicy, ISchedulingPolicy
from twisted_cluster.primary.door.relief import GLANCE
from twisted_cluster.primary.ground import LOOK
from twisted_cluster.primary.ports.listener import WAITING
from twisted_cluster.testing.model_worker import ModelWorker, Visit
from twisted_cluster.testing.outcome import Outcome, Tally
from twisted_cluster.testing.scenario import Block, Scenario
from twisted_cluster.testing.timeline import Timeline

# After so long without anything to do, who still waits will not be served.
PATIENCE = 60.0


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
    The primary: as L{twisted_cluster.primary.door.dispatch}, in short.
    """

    def __init__(self, scenario: Scenario, policy: ISchedulingPolicy) -> None:
        self._policy = policy
        self._loyal = ILoyalPolicy.providedBy(policy)
        self._scenario = scenario = scenario.forLoyal() if self._loyal else scenario
        self._facts = cache(self._factsOf)
        self._timeline = Timeline()
        self._tally = Tally(self._timeline, scenario.workers)
        self._backlog: deque[Visit] = deque()
        self._held: deque[Visit] = deque()
        self._toCome = scenario.connections
        self._asked = self._glancing = False
        self._workers = [
            ModelWorker(
                number,
                scenario,
                self._timeline,
                self._tally.begun,
                self._served,
                self._changed,
            )
            for number in range(1, scenario.workers + 1)
        ]

    def run(self, name: str) -> Outcome:
        """
        Until nobody is left who can be served.
        """
        self._beginArrivals()
        if self._scenario.rescue:
            self._timeline.every(LOOK, self._look)
        for number, block in self._scenario.blocks.items():
            random = self._scenario.random(f"blocks {number}")
            self._blockAgain(self._workers[number - 1], block, random, 0.0)
        self._timeline.run(self._isOver)
        return self._tally.outcome(name, [worker.weight for worker in self._workers])

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
            self._backlog.append(Visit(client, facts, now, service, hold))
            self._tally.arrived()
            self._serve()

    def _served(self, worker: ModelWorker, visit: Visit) -> None:
        self._tally.served(worker.number, self._timeline.now - visit.arrived)
        if self._scenario.arrivals.clients:
            self._timeline.at(
                self._timeline.now + next(self._gaps), self._come, visit.client
            )

    def _serve(self) -> None:
        """
        Hand over what waits, as long as somebody can take it.
        """
        self._asked = False
        for _ in range(len(self._held)):
            if ready := self._ready():
                self._route(self._held.popleft(), ready)
        while self._backlog and len(self._held) < WAITING and (ready := self._ready()):
            self._route(self._backlog.popleft(), ready)

    def _ready(self) -> list[ModelWorker]:
        if self._loyal:
            return [worker for worker in self._workers if worker.reachable]
        able = [worker for worker in self._workers if worker.fresh and worker.room > 0]
        return [worker for worker in able if not worker.stalled] or able

    def _route(self, visit: Visit, ready: list[ModelWorker]) -> None:
        chosen = self._choose(visit, ready)
        if chosen is not None and chosen.room <= 0:
            # Only of a loyal policy.
            others = [worker for worker in ready if worker.room > 0]
            chosen = self._choose(visit, others) if others else None
        if chosen is None:
            self._held.append(visit)
            return
        chosen.give(visit)
        if chosen.untaken and not self._glancing and self._scenario.rescue:
            self._beginToGlance()

    def _choose(self, visit: Visit, ready: list[ModelWorker]) -> ModelWorker | None:
        chosen = self._policy.choose(visit.facts, ready)
        if chosen is not None and chosen not in ready:
            raise ValueError(f"{self._policy!r} chose {chosen!r}, who is not ready")
        assert chosen is None or isinstance(chosen, ModelWorker)
        return chosen

    def _changed(self) -> None:
        if (self._held or self._backlog) and not self._asked:
            self._asked = True
            self._timeline.at(self._timeline.now, self._serve)

    def _look(self) -> None:
        for worker in self._workers:
            worker.look()
        self._relieve([worker for worker in self._workers if not worker.fresh])
        self._changed()

    def _beginToGlance(self) -> None:
        self._glancing = True
        self._timeline.at(self._timeline.now + GLANCE, self._glance)

    def _glance(self) -> None:
        """
        Look for workers that do not take what they were handed.
        """
        self._glancing = False
        changed = [worker for worker in self._workers if worker.glance()]
        if changed:
            self._relieve([worker for worker in changed if worker.stalled])
            self._changed()
        if any(worker.untaken or worker.stalled for worker in self._workers):
            self._beginToGlance()

    def _relieve(self, behind: list[ModelWorker]) -> None:
        """
        Give to others what workers do not take.
        """
        for worker in behind:
            others = [w for w in self._ready() if w is not worker and not w.stalled]
            if others and not (self._loyal and worker.reachable):
                spare = sum(other.room for other in others)
                self._held.extend(worker.takeBack(spare))

    def _blockAgain(
        self, worker: ModelWorker, block: Block, random: Random, seconds: float
    ) -> None:
        if seconds:
            worker.block(seconds)
        pause = random.expovariate(1 / block.every)
        when = self._timeline.now + pause
        self._timeline.at(when, self._blockAgain, worker, block, random, block.lasting)

    def _isOver(self) -> bool:
        tally = self._tally
        if tally.left or self._toCome:
            idle = self._timeline.now - tally.last
            return idle > PATIENCE and not any(worker.busy for worker in self._workers)
        return True
