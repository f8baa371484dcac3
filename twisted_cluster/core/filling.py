"""
What is, against what is wanted: who starts next, and who is not needed any more.
"""

from __future__ import annotations

from attrs import Factory, define, field

from twisted_cluster.core.actions import Action, Complete, Ended, GiveUp, Start
from twisted_cluster.core.healing import Healing
from twisted_cluster.core.places import Life
from twisted_cluster.core.population import Population
from twisted_cluster.core.reloading import STOPPED, SUPERSEDED, Plan, Reloading
from twisted_cluster.core.starts import HOLD, Pace
from twisted_cluster.core.turnover import Turnover


@define(eq=False)
class Filling:
    """
    Fills slots, and has the reload that goes on take its part in that.

    @ivar pace: How fast workers are started.
    @ivar giveUpAfter: As L{twisted_cluster.core.slots.Slots} has it.
    @ivar there: The workers and slots that there are.
    @ivar count: How many workers there are to be.
    @ivar generation: Which they are of, when no reload goes on.
    @ivar isStopping: Whether nobody more is to be started.
    @ivar reloading: The reload that goes on, if one does.
    """

    pace: Pace
    giveUpAfter: int = 0
    there: Population = Factory(Population)
    count: int = 0
    generation: int = 1
    isStopping: bool = False
    reloading: Reloading | None = None
    healing: Healing = field(init=False)
    _since: float = 0.0

    def __attrs_post_init__(self) -> None:
        self.healing = Healing(self.there, self.giveUpAfter)

    def begin(self, now: float, count: int) -> list[Action]:
        """
        So many workers there are to be, whatever was before.
        """
        self.isStopping = self.healing.isProven = False
        self.there.slots.clear()
        self._since = now
        return self.want(now, count)

    def want(self, now: float, count: int) -> list[Action]:
        """
        So many workers there are to be. Where all are to end that changes nothing.
        """
        if self.isStopping:
            return []
        self.count = count
        self.there.provide(count, self.generation)
        return self.settle(now)

    def reload(self, now: float, plan: Plan) -> list[Action]:
        """
        All workers are to be new ones. A reload that goes on already is superseded.
        """
        said = self._drop(SUPERSEDED)
        turnover = Turnover(self.generation, plan.generation, self.there)
        self.reloading = Reloading(plan, turnover)
        if self.isStopping:
            return said + self._drop(STOPPED)
        return said + self.reloading.begin(now, self.count) + self.settle(now)

    def stop(self) -> list[Action]:
        """
        All are to end.
        """
        self.isStopping = True
        said = self._drop(STOPPED)
        current = self.there.current()
        for life in current:
            # Whatever they were to make way for.
            life.renewal = None
        return [*said, *(life.retire() for life in current), *self.ended()]

    def tick(self, now: float) -> list[Action]:
        """
        Time has passed.

        @return: What is told of slots that fail, or do so no more.
        """
        return self.healing.tick(now, self.count)

    def _drop(self, why: str) -> list[Action]:
        reloading, self.reloading = self.reloading, None
        return [] if reloading is None else reloading.drop(why)

    # Whose place is free

    def free(self, now: float, life: Life, told: bool = False) -> list[Action]:
        """
        A worker ends, or has ended, that nobody here has told to.

        @param told: Whether somebody outside has.
        """
        isMissed, life.isLeaving = life.fills, True
        if not isMissed:
            return self.settle(now)
        return self.replace(now, life) if told else self._mourn(now, life)

    def replace(self, now: float, life: Life) -> list[Action]:
        """
        A worker ends, as it was told to from outside.
        """
        if self.isStopping:
            return []
        self.healing.told(now, life)
        return self.settle(now)

    def fell(self, now: float, life: Life, why: str = "") -> bool:
        """
        @see: L{Reloading.fell}
        """
        return self.reloading is not None and self.reloading.fell(now, life, why)

    def _mourn(self, now: float, life: Life) -> list[Action]:
        if self.isStopping:
            return []
        if self.fell(now, life):
            return self.settle(now)
        actions = self.healing.mourn(now, life, self.count)
        last = actions[0] if actions else None
        if not isinstance(last, GiveUp):
            return [*actions, *self.settle(now)]
        if last.tries:
            # Others may serve: their end is begun by whoever stops the cluster.
            self.isStopping = True
            return actions
        return [*actions, *self.stop()]

    # What is to be done

    def settle(self, now: float) -> list[Action]:
        """
        @return: Who is to leave, and the first of those that are to start, if there is
            any; the next event finds the next.
        """
        if self.isStopping:
            return []
        actions = self._reload(now)
        actions += (life.retire() for life in self.there.replaced(now, self.count))
        if not self._mustWait(now):
            actions += self._startOne(now)
        return actions

    def _reload(self, now: float) -> list[Action]:
        reloading = self.reloading
        if reloading is None:
            return []
        actions = reloading.advance(now, self.count)
        if reloading.isOver:
            self.reloading = None
            if reloading.isDone:
                self.generation = reloading.plan.generation
            actions += self.complete()
        return actions

    def _mustWait(self, now: float) -> bool:
        """
        Whether nobody may start just now, whatever is missing.
        """
        starting = self.there.starting()
        if self.pace.isReached(now, starting):
            return True
        # An application that cannot start is to fail once, not once per core.
        isUnsure = not self.healing.isProven and now - self._since < HOLD
        return isUnsure and bool(starting)

    def _startOne(self, now: float) -> list[Action]:
        number = self.there.firstDue(now, self.count, self.pace.mayStart)
        if number is None:
            return []
        self.pace.started(now)
        life = self.there.begin(now, number)
        return [Start(life.id, number, life.generation)]

    # What has come to be

    @property
    def isCalm(self) -> bool:
        """
        @see: L{twisted_cluster.core.slots.Slots.isCalm}
        """
        isIdle = not self.isStopping and self.reloading is None
        return isIdle and self.there.isSettled(self.count)

    def complete(self) -> list[Action]:
        """
        @return: L{Complete}, if every slot has a worker that is ready.
        """
        return [Complete()] if self.there.isComplete(self.count) else []

    def isLastToGo(self, gone: Life) -> bool:
        """
        Whether one that is gone was to go, and is the last of these: what only they
        have listened on is nobody's.
        """
        lives = [gone, *self.there.lives.values()]
        return [one for one in lives if self._isToGo(one)] == [gone]

    def _isToGo(self, life: Life) -> bool:
        return life.isLeaving or life.slot > self.count

    def ended(self) -> list[Action]:
        """
        @return: L{Ended}, if nobody is there any more.
        """
        return [] if self.there.lives else [Ended()]
