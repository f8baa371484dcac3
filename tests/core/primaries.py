"""
A primary in whose head all is done that the machine asks for.
"""

from __future__ import annotations

from twisted_cluster.core.actions import Action, Start
from twisted_cluster.core.slots import Slots
from twisted_cluster.core.starts import Pace


class Primary:
    """
    Carries actions out in its head, in a time of its own.

    @ivar alive: The slot of each worker that there is, by its id.
    @ivar log: All that it was asked to do.
    """

    def __init__(
        self, count: int, startTimeout: float = 300.0, atATime: int = 1000
    ) -> None:
        # Generations whose workers may not be started yet.
        self.waiting: set[int] = set()
        pace = Pace(atATime, lambda generation: generation not in self.waiting)
        self.slots = Slots(startTimeout, pace)
        self.now = 0.0
        self.alive: dict[int, int] = {}
        self.log: list[Action] = []
        self.take(self.slots.want(self.now, count))

    def take(self, actions: list[Action]) -> list[Action]:
        self.log += actions
        started = [one for one in actions if isinstance(one, Start)]
        assert len(started) <= 1
        self.alive.update((one.id, one.slot) for one in started)
        return actions

    def after(self, seconds: float, step: float = 0.05) -> list[Action]:
        """
        Time passes, and ticks.
        """
        before, end = len(self.log), self.now + seconds
        while self.now + step <= end + 1e-9:
            self.now += step
            self.take(self.slots.tick(self.now))
        return self.log[before:]

    def ready(self, *ids: int) -> list[Action]:
        return [a for id in ids for a in self.take(self.slots.ready(self.now, id))]

    def exit(self, id: int, told: bool = False) -> list[Action]:
        del self.alive[id]
        return self.take(self.slots.exited(self.now, id, told))

    def refuse(self, id: int) -> list[Action]:
        del self.alive[id]
        return self.take(self.slots.refused(self.now, id))

    def started(self) -> list[int]:
        """
        The slots of those that were started, in order.
        """
        return [one.slot for one in self.log if isinstance(one, Start)]


def running(count: int) -> Primary:
    """
    A primary whose workers are all ready, and have settled.
    """
    primary = Primary(count)
    primary.ready(1)
    primary.after(1.0)
    primary.ready(*primary.alive)
    primary.after(1.0)
    assert primary.started() == list(range(1, count + 1))
    return primary
