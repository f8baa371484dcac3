"""
The workers and the slots that there are, and what can be asked of all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from attrs import Factory, define

from twisted_cluster.core.places import Life, Slot


@define(eq=False)
class Population:
    """
    @ivar lives: The workers, by id, until they are gone.
    @ivar slots: The places for them, by number, from 1.
    """

    lives: dict[int, Life] = Factory(dict)
    slots: dict[int, Slot] = Factory(dict)
    _lastId: int = 0

    def provide(self, count: int, generation: int = 1) -> None:
        """
        There are to be so many slots.

        @param generation: Of which the workers of new ones are to be.
        """
        for number in [one for one in self.slots if one > count]:
            del self.slots[number]
        for number in range(1, count + 1):
            if number not in self.slots:
                self.slots[number] = Slot(generation)

    def begin(self, now: float, number: int) -> Life:
        """
        A worker is started in a slot.
        """
        self._lastId += 1
        slot = self.slots[number]
        slot.isTried = True
        life = Life(self._lastId, number, slot.generation, now)
        self.lives[life.id] = life
        return life

    def current(self) -> Sequence[Life]:
        """
        Workers that are not to end.
        """
        return [life for life in self.lives.values() if not life.isLeaving]

    def starting(self) -> Sequence[Life]:
        """
        Workers that are to become ready, and are not yet.
        """
        return [life for life in self.lives.values() if life.isStarting]

    def serving(self) -> set[int]:
        """
        The slots that have a worker which is ready.
        """
        return {life.slot for life in self.current() if life.ready is not None}

    def isComplete(self, count: int) -> bool:
        """
        Whether so many slots have one.
        """
        return len(self.serving()) == count

    def isSettled(self, count: int) -> bool:
        """
        The same, and whether all of these stay, and nobody else is to come.
        """
        current = self.current()
        stay = all(life.fills and life.ready is not None for life in current)
        return stay and self.isComplete(count)

    def replaced(self, now: float, count: int) -> Sequence[Life]:
        """
        Workers that are not needed any more: there are to be fewer, their successor is
        there, or it has come to pass that two fill one slot.
        """
        ready, needed = self._filledSince(), self._needed()
        return [
            life
            for life in self.current()
            if life.slot > count
            or _isDue(life, now, ready)
            or (life.fills and needed[life.slot] is not life)
        ]

    def _needed(self) -> dict[int, Life]:
        """
        @return: Who fills each slot; of several the newest that is ready, or that there
            is.
        """
        filling = (life for life in self.lives.values() if life.fills)
        return {life.slot: life for life in sorted(filling, key=_worth)}

    def _filledSince(self) -> dict[int, float]:
        """
        @return: Since when slots have somebody who is ready and stays.
        """
        return {
            life.slot: life.ready
            for life in self.lives.values()
            if life.fills and life.ready is not None and not life.unfit
        }

    def firstDue(
        self,
        now: float,
        count: int,
        mayStart: Callable[[int], bool] = lambda generation: True,
    ) -> int | None:
        """
        @param mayStart: Whether workers of a generation may be started.
        @return: The first slot that lacks a worker which stays, and may have one now.
        """
        filled = {life.slot for life in self.lives.values() if life.fills}
        for number in range(1, count + 1):
            isDue = number not in filled and self.due(now, number) <= now
            if isDue and mayStart(self.slots[number].generation):
                return number
        return None

    def due(self, now: float, number: int) -> float:
        """
        @return: When the next worker of a slot may start: sooner where nobody is there.
        """
        slot = self.slots[number]
        return slot.due if self.current() else slot.dueAlone(now)


def _worth(life: Life) -> tuple[bool, float]:
    isGood = life.ready is not None and not life.unfit
    return isGood, life.begun


def _isDue(life: Life, now: float, ready: Mapping[int, float]) -> bool:
    renewal = life.renewal
    return renewal is not None and renewal.isDue(now, ready.get(life.slot))
