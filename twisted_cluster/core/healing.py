"""
What becomes of slots whose workers end too early: how long the next one waits, when a
slot has failed, and when that is the end of the cluster.

Only ends that nobody has asked for count.
"""

from __future__ import annotations

from attrs import define

from twisted_cluster.core.actions import (
    PERSISTENT,
    Action,
    Again,
    Failing,
    GiveUp,
    Recovered,
)
from twisted_cluster.core.places import Life, Slot
from twisted_cluster.core.population import Population
from twisted_cluster.core.restarts import restartDelay

# Who stays for so long is thought to stay.
STEADY = 10.0
# So many in a row that do not, and their slot is restless, though each could start.
RESTLESS = 5
# How often whoever runs the cluster is reminded of what goes on.
REMIND = 60.0


@define(eq=False)
class Healing:
    """
    Counts the ends of workers in each slot.

    @ivar giveUpAfter: How many in a row that do not stay end the cluster; 0 for none.
    @ivar isProven: Whether any worker has ever been ready.
    """

    _there: Population
    giveUpAfter: int = 0
    isProven: bool = False

    def told(self, now: float, life: Life) -> None:
        """
        A worker was told to end, from outside: its successor starts at once, but not at
        once for ever, where each is told so early.
        """
        slot = self._there.slots[life.slot]
        slot.told = 0 if life.hasSettled(now) else slot.told + 1
        if slot.told > 1:
            slot.putOff(now, restartDelay(slot.told - 1))
            slot.canStart = False

    def mourn(self, now: float, life: Life, wanted: int) -> list[Action]:
        """
        A worker has ended that was not to.

        @param wanted: How many workers there are to be.
        @return: Has L{GiveUp} in it, if that is the end.
        """
        slot = self._there.slots[life.slot]
        slot.canStart = life.ready is not None
        slot.short = 0 if life.isSteady(now, STEADY) else slot.short + 1
        if 0 < self.giveUpAfter <= slot.short and not self._isServed(life.slot):
            return [GiveUp(life.id, slot.short)]
        if life.hasSettled(now):
            slot.failures, slot.due = 0, now
            return []
        slot.failures += 1
        slot.putOff(now, restartDelay(slot.failures))
        if self._cannotBoot(life):
            return [GiveUp(life.id)]
        if slot.failures == PERSISTENT:
            slot.reminded = now
        return [self._again(now, life, slot, wanted)]

    def _again(self, now: float, life: Life, slot: Slot, wanted: int) -> Again:
        return Again(
            life.id,
            life.slot,
            self._wait(now, life.slot),
            slot.failures,
            slot.canStart,
            len(self._there.serving()),
            wanted,
        )

    def _wait(self, now: float, number: int) -> float:
        return round(max(0.0, self._there.due(now, number) - now), 3)

    def _isServed(self, number: int) -> bool:
        # By one whose successor does not come up: it stays until one does.
        there = self._there.current()
        return any(one.slot == number and one.ready is not None for one in there)

    def _cannotBoot(self, last: Life) -> bool:
        # One that ends by itself tells enough; one that hung may have had bad luck.
        slots = self._there.slots.values()
        tried = [slot for slot in slots if slot.isTried or last.isOverdue]
        return not self.isProven and all(slot.failures for slot in tried)

    def tick(self, now: float, wanted: int) -> list[Action]:
        """
        Time has passed.

        @param wanted: As in L{mourn}.
        """
        return self._recovered(now, wanted) + self._reminders(now, wanted)

    def _recovered(self, now: float, wanted: int) -> list[Action]:
        recovered: list[Action] = []
        for life in self._there.current():
            slot = self._there.slots[life.slot]
            if not slot.short or not life.fills:
                continue
            if life.isSteady(now, STEADY):
                slot.short = 0
            if slot.failures and life.hasSettled(now):
                failures, slot.failures = slot.failures, 0
                if failures >= PERSISTENT:
                    serving = len(self._there.serving())
                    recovered.append(Recovered(life.id, failures, serving, wanted))
        return recovered

    def _reminders(self, now: float, wanted: int) -> list[Action]:
        """
        What goes on is told again and again, and not only once at its beginning.
        """
        due = [
            (number, slot)
            for number, slot in self._there.slots.items()
            if self._isSick(slot) and now - slot.reminded >= REMIND
        ]
        for _, slot in due:
            slot.reminded = now
        return [self._failing(now, number, slot, wanted) for number, slot in due]

    def _failing(self, now: float, number: int, slot: Slot, wanted: int) -> Failing:
        return Failing(
            number,
            slot.failures,
            slot.short,
            self._wait(now, number),
            slot.canStart,
            len(self._there.serving()),
            wanted,
        )

    def _isSick(self, slot: Slot) -> bool:
        return slot.hasFailed or slot.short >= RESTLESS
