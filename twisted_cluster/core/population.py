"""
The workers and the slots that there are, and what can be asked of all of them.
"""

from __future__ import annotations

from collections.abc import Sequence

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

    def provide(self, count: int) -> None:
        """
        There are to be so many slots at least.
        """
        for number in range(1, count + 1):
            self.slots.setdefault(number, Slot())

    def begin(self, now: float, number: int, generation: int) -> Life:
        """
        A worker is started in a slot.
        """
        self._lastId += 1
        self.slots[number].isTried = True
        life = Life(self._lastId, number, generation, now)
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

    def replaced(self, count: int, generation: int) -> Sequence[Life]:
        """
        Workers that are not needed any more: there are to be fewer, or a newer one of
        their slot is ready.

        @param generation: Of which all are to be.
        """
        current = self.current()
        renewed = {
            life.slot
            for life in current
            if life.generation == generation and life.ready is not None
        }
        return [
            life
            for life in current
            if life.slot > count
            or (life.generation != generation and life.slot in renewed)
        ]

    def firstDue(self, now: float, count: int, generation: int) -> int | None:
        """
        @return: The first slot that lacks a worker of this generation, and may have one
            now.
        """
        current = self.current()
        filled = {life.slot for life in current if life.generation == generation}
        for number in range(1, count + 1):
            slot = self.slots[number]
            due = slot.due if current else slot.dueAlone(now)
            if number not in filled and due <= now:
                return number
        return None
