"""
What becomes of a canary, and of the others meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median_low
from typing import Protocol

from attrs import Factory, define

from twisted_cluster.core.canary import Health
from twisted_cluster.primary.door.hands import Hand
from twisted_cluster.primary.lives.said import Said, Speaker


class Patient(Protocol):
    """
    A worker, as far as it is looked at.
    """

    @property
    def id(self) -> int: ...

    @property
    def hand(self) -> Hand: ...

    @property
    def said(self) -> Said: ...

    @property
    def speaker(self) -> Speaker: ...


@define
class _Chart:
    """
    What was found of some workers.
    """

    ids: set[int] = Factory(set)
    connections: int = 0
    deaths: int = 0
    errors: int = 0
    lag: float = 0.0
    looks: int = 0

    def health(self) -> Health:
        lag = self.lag / max(1, self.looks)
        return Health(len(self.ids), self.connections, self.deaths, self.errors, lag)


@define(eq=False)
class Checkup:
    """
    Looks at all workers for a while.

    @ivar generation: The canary's.
    """

    generation: int
    # What each had counted when it was looked at last: connections, errors.
    _known: dict[int, tuple[int, int]] = Factory(dict)
    _canary: _Chart = Factory(_Chart)
    _others: _Chart = Factory(_Chart)

    def begin(self, workers: Iterable[Patient]) -> None:
        """
        What they have counted by now is nothing to go by.
        """
        for worker in workers:
            self._known[worker.id] = _counted(worker)

    def look(self, workers: Iterable[Patient]) -> None:
        """
        To be called now and then.
        """
        lags: dict[bool, list[float]] = {True: [], False: []}
        for worker in workers:
            isNew = self._count(worker) is self._canary
            lags[isNew].append(worker.hand.lag / 1e3)
        for isNew, late in lags.items():
            if late:
                chart = self._canary if isNew else self._others
                # Of several workers no single one says how late they are.
                chart.lag += median_low(late)
                chart.looks += 1

    def gone(self, worker: Patient, asked: bool) -> None:
        """
        @param asked: Whether it was to end.
        """
        self._count(worker).deaths += not asked

    def health(self) -> tuple[Health, Health]:
        """
        @return: The canary's, and the others'.
        """
        return self._canary.health(), self._others.health()

    def _count(self, worker: Patient) -> _Chart:
        isNew = worker.speaker.generation == self.generation
        chart = self._canary if isNew else self._others
        connections, errors = self._known.get(worker.id, (0, 0))
        self._known[worker.id] = now = _counted(worker)
        chart.ids.add(worker.id)
        chart.connections += now[0] - connections
        chart.errors += now[1] - errors
        return chart


def _counted(worker: Patient) -> tuple[int, int]:
    return worker.hand.served, worker.said.errors
