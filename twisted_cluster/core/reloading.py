"""
How a reload goes on, slot by slot: L{twisted_cluster.core.slots} starts and retires.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from attrs import Factory, define, frozen

from twisted_cluster.core.actions import (
    Action,
    GoBack,
    Judge,
    NotReloaded,
    Offer,
    Progress,
    Reloaded,
)
from twisted_cluster.core.places import SETTLED, Life
from twisted_cluster.core.rollout import Rollout, RolloutEffects, newRollout
from twisted_cluster.core.rules import Portion
from twisted_cluster.core.turnover import ASKED, LOOKED_AT, Turnover
from twisted_cluster.core.words import several

ONE = Portion(1)
SUPERSEDED = "superseded by a later reload"
STOPPED = "the cluster stops"


@frozen
class Plan:
    """
    What a reload is to be.

    @ivar generation: Of the new workers.
    @ivar step: How many slots are renewed at a time.
    @ivar trial: How long the first new worker has to have been ready, in seconds.
    @ivar canary: What share of the connections the new ones are to have at first;
        L{None}: there is no canary.
    @ivar seconds: For how long.
    """

    generation: int
    step: Portion = ONE
    trial: float = 0.0
    canary: Portion | None = None
    seconds: float = 30.0


@define(eq=False)
class Reloading:
    """
    One reload.

    @ivar plan: What it is to be.
    @ivar isOver: Whether there is nothing more to do.
    @ivar isDone: Whether that is because all is renewed.
    """

    plan: Plan
    _turnover: Turnover
    _rollout: Rollout = Factory(lambda self: self._newRollout(), takes_self=True)
    _look: Callable[[], None] = Factory(lambda self: self._lookAtTrial, takes_self=True)
    _actions: list[Action] = Factory(list)
    _now: float = 0.0
    _count: int = 0
    # Those that come first.
    _first: Sequence[int] = ()
    # When the canary has been looked at for long enough.
    _until: float = math.inf
    # The worker that has failed; 0: none.
    _culprit: int = 0
    isOver: bool = False
    isDone: bool = False

    def _newRollout(self) -> Rollout:
        return newRollout(
            RolloutEffects(
                self._share,
                self._roll,
                self._goBack,
                self._leaveOff,
                self._finish,
                self._giveUp,
            )
        )

    # What happens

    def begin(self, now: float, count: int) -> list[Action]:
        """
        @param count: How many slots there are to be.
        """
        canary = self.plan.canary
        first = 1 if canary is None else canary.of(count)
        self._now, self._count = now, count
        self._first = range(1, first + 1)
        self._say(Offer(self.plan.generation, 0.0))
        for number in self._first:
            self._say(*self._turnover.take(now, number, LOOKED_AT))
        return self._said()

    def advance(self, now: float, count: int) -> list[Action]:
        """
        Something has happened, or time has passed.
        """
        self._now, self._count = now, count
        if not self.isOver:
            self._look()
        return self._said()

    def fell(self, now: float, life: Life, why: str = "") -> bool:
        """
        A worker has ended that was not to, or does not work.

        @param why: What is wrong; C{""}: its end says so.
        @return: Whether that is this reload's affair, and no failure of its slot.
        """
        if self.isOver:
            return False
        if life.generation == self.plan.generation:
            self._now = now
            self._fail(why, life.id)
        return self._turnover.isOutOfPlace(life)

    def judged(self, now: float, why: str) -> None:
        """
        The canary has been looked at.

        @param why: What is wrong with it; C{""}: nothing.
        """
        self._now = now
        if why:
            self._fail(why)
        else:
            self._rollout.proven()

    def drop(self, why: str) -> list[Action]:
        """
        Something else is to be done.
        """
        self._rollout.dropped(why)
        return self._said()

    # What is looked at, as long as it goes on

    def _lookAtTrial(self) -> None:
        first = [number for number in self._first if number <= self._count]
        if all(self._hasStood(self._turnover.newIn(number)) for number in first):
            if self.plan.canary is None:
                self._rollout.proven()
            else:
                self._rollout.sampled()
        else:
            self._lookWhoIsUnfit()

    def _lookAtCanary(self) -> None:
        if self._now >= self._until:
            self._until = math.inf
            self._say(Judge(self.plan.generation))
        self._lookWhoIsUnfit()

    def _lookAtSlots(self) -> None:
        turnover, numbers = self._turnover, range(1, self._count + 1)
        taken = [number for number in numbers if turnover.isTaken(number)]
        under = [number for number in taken if not turnover.isRenewed(number)]
        pending = [number for number in numbers if not turnover.isTaken(number)]
        free = self.plan.step.of(self._count) - len(under)
        for number in pending[: max(0, free)]:
            self._say(*turnover.take(self._now, number, ASKED))
        if pending or under:
            self._lookWhoIsUnfit()
        else:
            self._rollout.renewed()

    def _lookAtReturn(self) -> None:
        self._turnover.settleForNew()
        if self._turnover.isUndone:
            self._rollout.restored()

    def _lookWhoIsUnfit(self) -> None:
        patience = max(self.plan.trial, SETTLED)
        life = self._turnover.unfit(self._now, patience)
        if life is not None:
            self._fail(life.unfit, life.id)

    def _hasStood(self, life: Life | None) -> bool:
        if life is None or life.unfit:
            return False
        return life.isSteady(self._now, self.plan.trial)

    # What is done

    def _fail(self, why: str, culprit: int = 0) -> None:
        self._culprit = culprit
        self._rollout.failed(why)

    def _share(self) -> None:
        canary = self.plan.canary
        assert canary is not None
        share = canary.shareOf(self._count)
        self._until = self._now + self.plan.seconds
        self._look = self._lookAtCanary
        text = f"canary: {share:.0%} of the connections for {self.plan.seconds:g} s"
        self._say(Offer(self.plan.generation, share), Progress(text))

    def _roll(self) -> None:
        self._turnover.letGo(self._first)
        self._look = self._lookAtSlots
        self._say(Offer(self.plan.generation, None))

    def _goBack(self, why: str) -> None:
        self._look = self._lookAtReturn
        self._say(Offer(self.plan.generation, None), GoBack(self._culprit, why))
        self._say(*self._turnover.undo(self._now))

    def _leaveOff(self, why: str) -> None:
        self._say(*self._turnover.leaveOff(self._now))
        self._end(NotReloaded(self.plan.generation, why))

    def _finish(self) -> None:
        self.isDone = True
        self._end(Reloaded(self.plan.generation))

    def _giveUp(self) -> None:
        stuck = self._turnover.stuck
        stays = several(stuck, "new worker")
        more = f"{stays} cannot be replaced, and serves on" if stuck else ""
        self._end(NotReloaded(self.plan.generation, "", more))

    def _end(self, action: Action) -> None:
        self.isOver = True
        self._say(Offer(self.plan.generation, None), action)

    def _say(self, *actions: Action) -> None:
        self._actions += actions

    def _said(self) -> list[Action]:
        said, self._actions = self._actions, []
        return said
