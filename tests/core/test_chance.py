"""
Whatever happens in whatever order, in the end there are the workers that are wanted.
"""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

import pytest

from twisted_cluster.core.actions import Abort, Action, Again, Ended, Judge, Retire, Start
from twisted_cluster.core.places import Renewal
from twisted_cluster.core.reloading import Plan
from twisted_cluster.core.rules import Portion
from twisted_cluster.core.slots import Slots
from twisted_cluster.core.starts import Pace

OFTEN = 200
ONE = Portion(1)


class Primary:
    """
    Carries out what is asked for, while chance has workers, and people, do what they can
    do.
    """

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.slots = Slots(300.0, Pace(8))
        self.now = 0.0
        self.alive: dict[int, int] = {}
        self.ready: set[int] = set()
        self.leaving: set[int] = set()
        self.judgement: float | None = None
        self.generation = 1
        self.count = 2
        # Those that somebody waits for, and their slots.
        self.drained: dict[int, int] = {}
        self.hasEnded = False
        self.take(self.slots.begin(self.now, self.count))

    def take(self, actions: Iterable[Action]) -> None:
        for action in actions:
            if isinstance(action, Start):
                assert action.id not in self.alive
                self.alive[action.id] = action.slot
            elif isinstance(action, (Retire, Abort)):
                assert action.id in self.alive
                self.leaving.add(action.id)
            elif isinstance(action, Judge):
                self.judgement = self.now + 1.0
            elif isinstance(action, Ended):
                assert not self.alive
                self.hasEnded = True

    def anyone(self) -> int:
        return self.random.choice([*self.alive, 0])

    # What can happen

    def comesUp(self) -> None:
        coming = self.alive.keys() - self.ready - self.leaving
        if coming:
            self.up(self.random.choice(sorted(coming)))

    def up(self, id: int) -> None:
        self.ready.add(id)
        self.take(self.slots.ready(self.now, id))

    def dies(self) -> None:
        id = self.anyone()
        if id in self.ready:
            self.gone(id, told=self.random.random() < 0.3)

    def gone(self, id: int, told: bool = False) -> None:
        number = self.alive.pop(id)
        self.drained.pop(id, None)
        actions = self.slots.exited(self.now, id, told)
        self.take(actions)
        if any(isinstance(one, Again) for one in actions):
            self.keepOthers(number)

    def keepOthers(self, number: int) -> None:
        """
        Who was to be drained stays.
        """
        for id in [id for id, slot in self.drained.items() if slot == number]:
            if self.slots.mayStay(id):
                del self.drained[id]
                self.take(self.slots.keep(self.now, id))

    def isKilled(self) -> None:
        id = self.anyone()
        self.take(self.slots.killed(self.now, id))
        if id in self.alive:
            self.gone(id)

    def isTold(self) -> None:
        id = self.anyone()
        if id in self.ready:
            self.take(self.slots.told(self.now, id))

    def isDrained(self) -> None:
        id = self.anyone()
        if id in self.alive:
            self.drained[id] = self.alive[id]
            self.take(self.slots.replace(self.now, id, Renewal("it is drained")))

    def isDeaf(self) -> None:
        id = self.anyone()
        if id in self.ready:
            self.take(self.slots.deaf(self.now, id, 5.0))

    def isHung(self) -> None:
        id = self.anyone()
        if id in self.ready:
            self.take(self.slots.hung(self.now, id, 30.0))

    def isLost(self) -> None:
        id = self.anyone()
        if id in self.ready:
            self.leaving.add(id)
            self.take(self.slots.lost(self.now, id))

    def isRenewed(self) -> None:
        self.take(self.slots.replace(self.now, self.anyone(), Renewal("it is old")))

    def scale(self) -> None:
        self.count = self.random.randint(1, 6)
        self.take(self.slots.want(self.now, self.count))

    def reload(self) -> None:
        self.generation += 1
        canary = self.random.choice([None, ONE])
        trial = self.random.choice([0.0, 1.0])
        step = Portion(self.random.randint(1, 3))
        plan = Plan(self.generation, step, trial, canary, 1.0)
        self.take(self.slots.reload(self.now, plan))

    def judge(self) -> None:
        why = self.random.choice(["", "it is slow"])
        self.take(self.slots.judged(self.now, why))

    def passes(self, seconds: float) -> None:
        self.now += seconds
        self.take(self.slots.tick(self.now))

    def happens(self) -> None:
        """
        One of these.
        """
        often = [self.comesUp] * 6
        seldom = [self.dies, self.isKilled, self.isTold, self.isRenewed, self.scale]
        sick = [self.isDeaf, self.isHung, self.isLost, self.isDrained]
        self.random.choice([*often, *seldom, *sick, self.reload, self.judge])()
        for id in sorted(self.leaving & self.alive.keys()):
            if self.random.random() < 0.3:
                self.gone(id)
        self.passes(self.random.random() * 0.3)

    def calmsDown(self) -> bool:
        """
        Nothing happens any more but what is asked for.

        @return: Whether that leads to an end.
        """
        for _ in range(4000):
            for id in sorted(self.leaving & self.alive.keys()):
                self.gone(id)
            for id in sorted(self.alive.keys() - self.ready - self.leaving):
                self.up(id)
            if self.judgement is not None and self.now > self.judgement:
                self.judgement = None
                self.take(self.slots.judged(self.now, ""))
            self.passes(0.05)
            if self.slots.isCalm and len(self.alive) == self.count:
                return True
        return False


@pytest.mark.parametrize("seed", [*range(30), 270, 313])
def test_allIsAsItIsWantedInTheEnd(seed: int) -> None:
    """
    One worker in each slot, whatever reloads, scales, deaths, kills and renewals came
    between each other.
    """
    primary = Primary(seed)
    for _ in range(OFTEN):
        primary.happens()
    assert primary.calmsDown()
    assert sorted(primary.alive.values()) == list(range(1, primary.count + 1))
    assert not primary.drained


@pytest.mark.parametrize("seed", range(30))
def test_aStopIsOne(seed: int) -> None:
    """
    Whenever all are to end, all do, and nobody comes any more, whatever else is asked for
    meanwhile; afterwards it can begin anew.
    """
    primary = Primary(seed)
    for _ in range(primary.random.randrange(OFTEN)):
        primary.happens()
    primary.slots.halt()
    before = set(primary.alive)
    for _ in range(primary.random.randrange(10)):
        primary.happens()
    primary.take(primary.slots.stop(primary.now))
    for _ in range(10):
        primary.happens()
    assert primary.alive.keys() <= before
    for id in sorted(primary.alive):
        primary.gone(id)
    assert primary.hasEnded
    primary.drained.clear()
    primary.take(primary.slots.begin(primary.now, primary.count))
    assert primary.calmsDown()
