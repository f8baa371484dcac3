"""
N lives on a clock: who is started, who is replaced and when, when to give up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import Factory, define
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from twisted_cluster.core.restarts import Backoff
from twisted_cluster.primary.lives.watcher import Watcher
from twisted_cluster.primary.lives.worker_process import WorkerProcess
from twisted_cluster.talk.peer import hearNothing

log = Logger()
SETTLED = 2.0


@define(eq=False)
class Slot:
    """
    A place for one worker at a time.
    """

    number: int
    worker: WorkerProcess | None = None
    backoff: Backoff = Factory(Backoff)
    respawn: Any = None


class Supervisor(Watcher):
    """
    Keeps every slot filled.

    The first worker starts alone: an application that cannot start fails once, not
    once per core. Until one has been up for L{SETTLED} seconds the cluster is booting,
    and gives up when every slot has failed.
    """

    def __init__(
        self,
        clock: IReactorTime,
        slots: int,
        newWorker: Callable[[int], WorkerProcess],
        allOnline: Callable[[], None],
        gaveUp: Callable[[WorkerProcess], None],
    ) -> None:
        """
        @param newWorker: Makes a worker for a slot, which this is told about.
        @param allOnline: Called when every slot has an online worker.
        @param gaveUp: Called with the last worker that failed to start.
        """
        self._clock = clock
        self._slots = [Slot(number) for number in range(1, slots + 1)]
        self._newWorker = newWorker
        self._allOnline = allOnline
        self._gaveUp = gaveUp
        self._failed: set[int] = set()
        self._booting = True
        self._stopped: Deferred[None] | None = None

    @property
    def workers(self) -> list[WorkerProcess]:
        """
        The workers that exist now, in the order of their slots.
        """
        return [slot.worker for slot in self._slots if slot.worker is not None]

    def start(self) -> None:
        """
        Start the first worker; the others follow when it is up.
        """
        self._fill(self._slots[0])

    def stop(self) -> Deferred[None]:
        """
        @return: Fires when every worker is gone.
        """
        self._stopped = Deferred()
        for slot in self._slots:
            if slot.respawn is not None:
                slot.respawn.cancel()
                slot.respawn = None
        for worker in self.workers:
            worker.retire()
        self._checkStopped()
        return self._stopped

    def _fill(self, slot: Slot) -> None:
        slot.respawn = None
        worker = self._newWorker(slot.number)
        try:
            worker.spawn()
        except OSError as error:
            log.error("cannot start worker {n}: {error}", n=slot.number, error=error)
            self._refill(slot, 0.0)
        else:
            slot.worker = worker
            hearNothing(worker.peer)

    def online(self, worker: WorkerProcess) -> None:
        for slot in self._slots:
            if slot.worker is None and slot.respawn is None:
                self._fill(slot)
        if all(s.worker and s.worker.onlineAt is not None for s in self._slots):
            self._allOnline()

    def gone(self, worker: WorkerProcess, asked: bool) -> None:
        slot = self._slots[worker.number - 1]
        slot.worker = None
        if self._stopped is not None:
            self._checkStopped()
            return
        online = worker.onlineAt
        lived = 0.0 if online is None else self._clock.seconds() - online
        if self._hasFailedToBoot(slot, worker, lived):
            self._gaveUp(worker)
        else:
            worker.output.release()
            self._refill(slot, lived)

    def _hasFailedToBoot(self, slot: Slot, worker: WorkerProcess, lived: float) -> bool:
        if lived >= SETTLED or any(map(self._hasSettled, self.workers)):
            self._booting = False
        self._failed.add(slot.number)
        nobodyElse = not self.workers and worker.onlineAt is None
        everybody = len(self._failed) == len(self._slots)
        return self._booting and (nobodyElse or everybody)

    def _hasSettled(self, worker: WorkerProcess) -> bool:
        online = worker.onlineAt
        return online is not None and self._clock.seconds() - online >= SETTLED

    def _refill(self, slot: Slot, lived: float) -> None:
        delay = slot.backoff.died(lived)
        log.info("worker {n} starts again in {delay} s", n=slot.number, delay=delay)
        slot.respawn = self._clock.callLater(delay, self._fill, slot)

    def _checkStopped(self) -> None:
        if self._stopped is not None and not self._stopped.called and not self.workers:
            self._stopped.callback(None)
