"""
The workers that this process has forked, and what becomes of them.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from twisted_cluster.api import forked
from twisted_cluster.api.emitter import Emitter
from twisted_cluster.api.recipes import checkRecipe
from twisted_cluster.core.messages import Listening
from twisted_cluster.defaults import MOST_WORKERS
from twisted_cluster.errors import ClusterError
from twisted_cluster.primary.lives.crowding import Crowding
from twisted_cluster.primary.lives.process import WorkerProcess
from twisted_cluster.primary.lives.recipe import Recipe
from twisted_cluster.primary.lives.rooms import Rooms
from twisted_cluster.primary.lives.suspects import Suspects
from twisted_cluster.primary.lives.told import tellEnding, tellLeaving, tellReady
from twisted_cluster.primary.lives.turns import Turns, startsAtATime
from twisted_cluster.primary.lives.vigil import Limits, Vigil
from twisted_cluster.primary.lives.watcher import Watcher
from twisted_cluster.primary.lives.whereabouts import Told
from twisted_cluster.primary.pulse import Pulse
from twisted_cluster.primary.stopping import Stopping

# Whose workers do not turn their loops decides itself what becomes of them.
LIMITS = Limits(warning=10.0, timeout=0.0)


class Forks(Watcher[WorkerProcess]):
    """
    Starts workers in their turn, and tells users what becomes of each.

    @ivar rooms: What they have to do with.
    """

    def __init__(
        self, rooms: Rooms, cluster: Emitter, workers: dict[int, forked.Worker]
    ) -> None:
        """
        @param cluster: Tells of all workers what each tells of itself.
        @param workers: Those that there are, by id; kept.
        """
        self.rooms = rooms
        self._cluster = cluster
        self._workers = workers
        self._slots: dict[int, forked.Worker] = {}
        self._processes: dict[WorkerProcess, forked.Worker] = {}
        vigil = Vigil(time.monotonic_ns, self._online, Told(), LIMITS)
        suspects = Suspects(rooms.listeners, self._processes.keys, rooms.reactor)
        crowding = Crowding(self._online)
        self._pulse = Pulse(rooms, vigil.look, suspects.look, crowding.look)
        self._turns = Turns(rooms.reactor, startsAtATime())

    def add(self, worker: forked.Worker) -> int:
        """
        There is to be one more.

        @return: Its slot, from 1.
        @raise ClusterError: If there are as many as there may be.
        """
        for slot in range(1, MOST_WORKERS + 1):
            if slot not in self._slots:
                self._workers[worker.id] = self._slots[slot] = worker
                return slot
        raise ClusterError(
            f"{MOST_WORKERS} workers are there already: no more can be forked"
        )

    def begin(self, worker: forked.Worker, slot: int, recipe: Recipe) -> bool:
        """
        Make all that it needs now, and its process in its turn.

        @return: Whether it can be sent anything; else the system has no room for it,
            which it is told soon.
        """
        try:
            if len(self._slots) == 1:
                self._pulse.start()
            checkRecipe(recipe)
            self.rooms.templates.prepare(recipe)
            process = WorkerProcess(self.rooms, slot, worker.id, recipe, self)
            worker.begin(process, self._cluster)
            self._processes[process] = worker
            self._turns.take(worker.id, partial(self._start, process))
        except OSError:
            self._soon(self._cannotStart, worker, slot, Failure())
            return False
        except BaseException:
            del self._workers[worker.id], self._slots[slot]
            if not self._slots:
                self._rest()
            raise
        return True

    def dropWaiting(self) -> Sequence[Callable[[], None]]:
        """
        Who waits for its turn to start would start only to end.

        @return: What tells of each that it has ended; to be called.
        """
        dropped = []
        for process, worker in list(self._processes.items()):
            if not process.isStarted:
                del self._processes[process]
                self._turns.done(worker.id)
                process.abandon()
                worker.dropped()
                dropped.append(partial(self._tellDropped, worker, process.number))
        return dropped

    def stop(self, retireAll: Callable[[], Deferred[None]]) -> Deferred[None]:
        """
        @param retireAll: Ends all workers; fires when they are gone.
        @return: Fires when all is done; never fails.
        """
        return Stopping(self._pulse, self._processes.keys, retireAll).run()

    def _online(self) -> Iterator[WorkerProcess]:
        return (process for process in self._processes if process.isOnline)

    def _start(self, process: WorkerProcess) -> None:
        """
        Start a process in its turn.
        """
        try:
            process.spawn()
        except BaseException as error:
            worker = self._processes.pop(process)
            if not isinstance(error, Exception):
                raise
            # Not only OSError: in its turn there is nobody whom it could be raised to.
            self._turns.done(worker.id)
            self._soon(self._cannotStart, worker, process.number, Failure())

    def _rest(self) -> None:
        """
        There are no workers.
        """
        self._pulse.rest()
        # Who is told of the end of the last one may fork the next.
        self._soon(self._closeTemplates)

    def _closeTemplates(self) -> None:
        if not self._slots:
            self.rooms.templates.close()

    def _soon(self, call: Callable[..., None], *arguments: object) -> None:
        self.rooms.reactor.callLater(0, call, *arguments)

    # What becomes of workers

    def born(self, process: WorkerProcess) -> None:
        worker = self._processes[process]
        self._turns.done(worker.id)
        worker.state = "online"
        worker.tell("online")
        self._cluster.tell("online", worker)

    def listening(self, process: WorkerProcess, where: Listening) -> None:
        worker = self._processes[process]
        worker.state = "listening"
        info = forked.ListeningInfo.of(where)
        worker.tell("listening", info)
        self._cluster.tell("listening", worker, info)

    def online(self, process: WorkerProcess) -> None:
        tellReady(process)

    def told(self, process: WorkerProcess) -> None:
        # Whether it has a successor is for whoever has forked it.
        process.release()

    def leaving(self, process: WorkerProcess, planned: bool) -> None:
        tellLeaving(process, planned)
        self._processes[process].leave(planned)

    def disconnected(self, process: WorkerProcess) -> None:
        if process in self._processes:
            self._tellDisconnected(self._processes[process])

    def gone(self, process: WorkerProcess, asked: bool) -> None:
        ending = process.ending
        # A script that comes to its end is done, whoever else waits for it.
        isDone = ending.isPlanned or ending.code == 0
        tellEnding(process, evolve(ending, isPlanned=isDone))
        worker = self._processes.pop(process)
        child = process.child
        self._bury(worker, process.number, child.exitCode, child.exitSignal)

    def _cannotStart(self, worker: forked.Worker, slot: int, failure: Failure) -> None:
        isHeard = bool(worker.listeners("error"))
        if isHeard:
            worker.tell("error", failure)
        if self._cluster.listeners("error") or not isHeard:
            self._cluster.tell("error", worker, failure)
        self._tellDisconnected(worker)
        number = getattr(failure.value, "errno", None) or errno.EAGAIN
        self._bury(worker, slot, -number, None)

    def _tellDropped(self, worker: forked.Worker, slot: int) -> None:
        self._tellDisconnected(worker)
        self._bury(worker, slot, -errno.ESHUTDOWN, None)

    def _tellDisconnected(self, worker: forked.Worker) -> None:
        worker.disconnected()
        worker.tell("disconnect")
        self._cluster.tell("disconnect", worker)

    def _bury(
        self, worker: forked.Worker, slot: int, code: int | None, name: str | None
    ) -> None:
        del self._workers[worker.id], self._slots[slot]
        self._turns.done(worker.id)
        if not self._slots:
            self._rest()
        worker.exited(code, name)
        worker.tell("exit", code, name)
        self._cluster.tell("exit", worker, code, name)
        worker.forget()
