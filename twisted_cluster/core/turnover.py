"""
Two generations of workers in the same slots, while a reload goes on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from attrs import Factory, define

from twisted_cluster.core.actions import Action
from twisted_cluster.core.places import Life, Renewal
from twisted_cluster.core.population import Population

ASKED = Renewal("a reload")
# Its successor is there, and to be looked at first.
LOOKED_AT = Renewal("a reload", trial=math.inf)
UNDONE = Renewal("its reload was given up")
OF_RELOADS = (ASKED, LOOKED_AT, UNDONE)


@define(eq=False)
class Turnover:
    """
    Has a slot go from one to the other, or back.

    @ivar before: The generation that there was.
    @ivar new: The one that there is to be.
    """

    before: int
    new: int
    _there: Population
    # New workers that stay, for want of an old one.
    _stuck: set[int] = Factory(set)

    # What is known

    def isTaken(self, number: int) -> bool:
        """
        Whether the next worker of a slot is to be a new one.
        """
        return self._there.slots[number].generation == self.new

    def isRenewed(self, number: int) -> bool:
        """
        Whether a slot has a new one that serves, and nobody else.
        """
        lives = self._in(number)
        return bool(lives) and all(
            life.generation == self.new and life.ready is not None and not life.unfit
            for life in lives
        )

    def newIn(self, number: int) -> Life | None:
        """
        The new worker of a slot, if there is one that stays.
        """
        return next((one for one in self._in(number) if one.generation == self.new), None)

    def unfit(self, now: float, patience: float) -> Life | None:
        """
        A new worker with which something is wrong although it has been ready for so many
        seconds.
        """
        for life in self._there.current():
            isNew = life.generation == self.new
            if isNew and life.unfit and life.isSteady(now, patience):
                return life
        return None

    def isOutOfPlace(self, life: Life) -> bool:
        """
        Whether the next worker of its slot is to be of another generation.
        """
        slot = self._there.slots.get(life.slot)
        return slot is not None and slot.generation != life.generation

    @property
    def stuck(self) -> int:
        """
        How many new workers stay although all were to go back.
        """
        return len(self._stuck)

    @property
    def isUndone(self) -> bool:
        """
        Whether nobody else is to make way for one of before.
        """
        return not self._strangers()

    def _in(self, number: int) -> list[Life]:
        return [life for life in self._there.current() if life.slot == number]

    def _strangers(self) -> list[Life]:
        return [
            life
            for life in self._there.current()
            if life.generation != self.before and life.id not in self._stuck
        ]

    # What is done

    def take(self, now: float, number: int, renewal: Renewal) -> list[Action]:
        """
        A slot is to have a new worker.
        """
        self._there.slots[number].renew(now, self.new)
        return [one for life in self._in(number) for one in self._release(life, renewal)]

    def letGo(self, numbers: Sequence[int]) -> None:
        """
        The old workers of slots, which have new ones already, may leave.
        """
        for life in self._there.current():
            if life.slot in numbers and life.generation != self.new:
                life.renewal = ASKED

    def undo(self, now: float) -> list[Action]:
        """
        All slots are to have workers of before.
        """
        slots = self._there.slots
        return [one for number in slots for one in self._giveBack(now, number)]

    def leaveOff(self, now: float) -> list[Action]:
        """
        The same of those that have one still.
        """
        current = self._there.current()
        old = {life.slot for life in current if life.generation == self.before}
        return [one for number in old for one in self._giveBack(now, number)]

    def settleForNew(self) -> None:
        """
        Where old ones fail again and again, there is nobody else to serve than a new one.
        """
        starting = {life.slot for life in self._there.starting()}
        for life in self._strangers():
            slot = self._there.slots.get(life.slot)
            if slot is not None and slot.hasFailed and life.slot not in starting:
                life.renewal = None
                self._stuck.add(life.id)

    def _release(self, life: Life, renewal: Renewal) -> list[Action]:
        if life.generation != self.before or life.renewal in (None, *OF_RELOADS):
            # Else somebody wants it to leave whatever becomes of this.
            life.renewal = renewal
        return [life.retire()] if life.ready is None else []

    def _giveBack(self, now: float, number: int) -> list[Action]:
        self._there.slots[number].renew(now, self.before)
        lives = self._in(number)
        old = [life for life in lives if life.generation == self.before]
        for life in old:
            if life.renewal in OF_RELOADS:
                life.renewal = None
        said: list[Action] = []
        for life in lives:
            if life.generation == self.before:
                continue
            said += self._release(life, UNDONE)
            if old and not life.isLeaving:
                said.append(life.retire())
        return said
