"""
How a reload goes on, slot by slot: L{twisted_cluster.core.slots} starts and retires.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

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
from twisted_cluster.core.places import SETTLED, Life, Renewal
from twisted_cluster.core.population import Population
from twisted_cluster.core.rollout import Rollout, RolloutEffects, newRollout
from twisted_cluster.core.rules import Portion
from twisted_cluster.core.words import several

ASKED = Renewal("a reload")
# Its successor is there, and to be looked at first.
LOOKED_AT = Renewal("a reload", trial=math.inf)
UNDONE = Renewal("its reload was given up")
OF_RELOADS = (ASKED, LOOKED_AT, UNDONE)
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
    @ivar before: The generation that all go back to if it fails.
    @ivar isOver: Whether there is nothing more to do.
    @ivar isDone: Whether that is because all is renewed.
    """

    plan: Plan
    before: int
    _there: Population
    _rollout: Rollout = Factory(lambda self: self._newRollout(), takes_self=True)
    _look: Callable[[], None] = Factory(lambda self: self._lookAtTrial, takes_self=True)
    _actions: list[Action] = Factory(list)
    _now: float = 0.0
    _count: int = 0
    # Those that come first.
    _first: Sequence[int] = ()
    # When the canary has been looked at for long enough.
    _until: float = math.inf
    # Slots whose new worker stays, for want of an old one.
    _stuck: set[int] = Factory(set)
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
            self._take(number, LOOKED_AT)
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
        slot = self._there.slots.get(life.slot)
        return slot is not None and slot.generation != life.generation

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
        news = [self._newIn(number) for number in self._first if number <= self._count]
        if all(one is not None and self._hasStood(one) for one in news):
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
        slots = self._there.slots
        numbers = range(1, self._count + 1)
        pending = [n for n in numbers if slots[n].generation != self.plan.generation]
        under = [n for n in numbers if n not in pending and not self._isRenewed(n)]
        free = self.plan.step.of(self._count) - len(under)
        for number in pending[: max(0, free)]:
            self._take(number, ASKED)
        if pending or under:
            self._lookWhoIsUnfit()
        else:
            self._rollout.renewed()

    def _lookAtReturn(self) -> None:
        for life in self._strangers():
            slot = self._there.slots.get(life.slot)
            hasFailed = slot is not None and slot.hasFailed
            if hasFailed and not self._isStarting(life.slot):
                # There is nobody else to serve there.
                life.renewal = None
                self._stuck.add(life.id)
        if not self._strangers():
            self._rollout.restored()

    def _lookWhoIsUnfit(self) -> None:
        patience = max(self.plan.trial, SETTLED)
        for life in self._there.current():
            isNew = life.generation == self.plan.generation and life.ready is not None
            if isNew and life.unfit and self._now - (life.ready or 0.0) >= patience:
                self._fail(life.unfit, life.id)
                return

    # What is known of slots

    def _newIn(self, number: int) -> Life | None:
        for life in self._there.current():
            if life.slot == number and life.generation == self.plan.generation:
                return life
        return None

    def _hasStood(self, life: Life) -> bool:
        if life.ready is None or life.unfit:
            return False
        return self._now - life.ready >= self.plan.trial

    def _isRenewed(self, number: int) -> bool:
        lives = [life for life in self._there.current() if life.slot == number]
        return bool(lives) and all(
            life.generation == self.plan.generation
            and life.ready is not None
            and not life.unfit
            for life in lives
        )

    def _isStarting(self, number: int) -> bool:
        return any(life.slot == number for life in self._there.starting())

    def _strangers(self) -> list[Life]:
        """
        Those that are to make way for one of before.
        """
        return [
            life
            for life in self._there.current()
            if life.generation != self.before and life.id not in self._stuck
        ]

    # What is done

    def _take(self, number: int, renewal: Renewal) -> None:
        """
        A slot is to have a new worker.
        """
        self._there.slots[number].renew(self._now, self.plan.generation)
        for life in self._there.current():
            if life.slot == number:
                self._release(life, renewal)

    def _release(self, life: Life, renewal: Renewal) -> None:
        if life.generation != self.before or life.renewal in (None, *OF_RELOADS):
            # Else somebody wants it to leave whatever becomes of this.
            life.renewal = renewal
        if life.ready is None:
            self._say(life.retire())

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
        for life in self._there.current():
            if life.slot in self._first and life.generation != self.plan.generation:
                life.renewal = ASKED
        self._look = self._lookAtSlots
        self._say(Offer(self.plan.generation, None))

    def _goBack(self, why: str) -> None:
        self._look = self._lookAtReturn
        self._say(Offer(self.plan.generation, None), GoBack(self._culprit, why))
        for number in list(self._there.slots):
            self._giveBack(number, self._there.current())

    def _giveBack(self, number: int, current: Iterable[Life]) -> None:
        """
        A slot is to have a worker of before.
        """
        self._there.slots[number].renew(self._now, self.before)
        lives = [life for life in current if life.slot == number]
        old = [life for life in lives if life.generation == self.before]
        for life in old:
            if life.renewal in OF_RELOADS:
                life.renewal = None
        for life in lives:
            if life.generation == self.before:
                continue
            self._release(life, UNDONE)
            if old and not life.isLeaving:
                self._say(life.retire())

    def _leaveOff(self, why: str) -> None:
        current = self._there.current()
        old = {life.slot for life in current if life.generation == self.before}
        for number in old:
            self._giveBack(number, current)
        self._end(NotReloaded(self.plan.generation, why))

    def _finish(self) -> None:
        self.isDone = True
        self._end(Reloaded(self.plan.generation))

    def _giveUp(self) -> None:
        stays = several(len(self._stuck), "new worker")
        more = f"{stays} cannot be replaced, and serves on" if self._stuck else ""
        self._end(NotReloaded(self.plan.generation, "", more))

    def _end(self, action: Action) -> None:
        self.isOver = True
        self._say(Offer(self.plan.generation, None), action)

    def _say(self, *actions: Action) -> None:
        self._actions += actions

    def _said(self) -> list[Action]:
        said, self._actions = self._actions, []
        return said
