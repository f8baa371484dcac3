"""
Carries out what L{twisted_cluster.core.slots} asks for, and decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Concatenate, ParamSpec

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from twisted_cluster.core.actions import (
    ALL,
    Abort,
    Action,
    Again,
    Complete,
    Ended,
    Failing,
    GiveUp,
    Judge,
    Recovered,
    Report,
    Retire,
    Start,
)
from twisted_cluster.core.places import Renewal
from twisted_cluster.core.reloading import Plan
from twisted_cluster.core.slots import Slots
from twisted_cluster.primary.lives.agenda import Agenda
from twisted_cluster.primary.lives.early_ends import EarlyEnds
from twisted_cluster.primary.lives.goodbyes import Goodbyes
from twisted_cluster.primary.lives.process import WorkerProcess
from twisted_cluster.primary.lives.refusals import whyRefused
from twisted_cluster.primary.lives.reloads import Reloads
from twisted_cluster.primary.lives.remains import FAILED, Remains
from twisted_cluster.primary.lives.told import tell, tellEnding, tellLeaving
from twisted_cluster.primary.lives.vigil import LONGEST_TRACED
from twisted_cluster.primary.lives.watcher import Watcher
from twisted_cluster.primary.lives.whereabouts import Whereabouts
from twisted_cluster.talk.ears import hearNothing

P = ParamSpec("P")


class Supervisor(Watcher[WorkerProcess]):
    """
    Keeps every slot filled.

    @ivar workers: All that there are, by id.
    @ivar reloads: What is known of reloads.
    @ivar remains: What those that are gone have left behind.
    """

    def __init__(
        self,
        clock: IReactorTime,
        slots: Slots,
        newWorker: Callable[[Start], WorkerProcess],
        complete: Callable[[], None],
        gaveUp: Callable[[Sequence[str], int], None],
        newReloads: Callable[[Mapping[int, WorkerProcess]], Reloads],
    ) -> None:
        """
        @param clock: Counts monotonic seconds.
        @param newWorker: Makes a worker, which is told to tell this what becomes of it.
        @param complete: Called when every slot has a worker that is online.
        @param gaveUp: Called when no worker can start, with what the last one had to
            say, and 0; or when so many in a row have not stayed, with how many.
        @param newReloads: Makes what knows of reloads, of all workers by id.
        """
        self.workers: dict[int, WorkerProcess] = {}
        self.remains = Remains()
        self.reloads = newReloads(self.workers)
        self._clock = clock
        self._slots = slots
        self._newWorker = newWorker
        self._complete = complete
        self._gaveUp = gaveUp
        self._isHalted = True
        self._where = Whereabouts()
        self._ends = EarlyEnds(self._where)
        # What becomes of the slots of workers that are about to go.
        self._again: dict[int, Again] = {}
        self._goodbyes = Goodbyes()
        self._stopped: list[Deferred[None]] = []
        self._next: IDelayedCall | None = None
        self._agenda = Agenda(self._do)

    def start(self, count: int) -> None:
        """
        There are to be so many workers.
        """
        self._isHalted = False
        self._ends.clear()
        self._happened(self._slots.begin, count)

    def halt(self) -> None:
        """
        Start nobody more.
        """
        self._isHalted = True
        self._slots.halt()

    def stop(self) -> Deferred[None]:
        """
        @return: Fires when every worker is gone.
        """
        stopped: Deferred[None] = Deferred()
        self._stopped.append(stopped)
        self._happened(self._slots.stop)
        return stopped

    def tick(self) -> None:
        """
        Time has passed; to be called some 20 times a second.
        """
        now = self._clock.seconds()
        for worker in self.workers.values():
            isNew = worker.state == "starting" and worker.age < LONGEST_TRACED
            if worker.hand.isHeld or (isNew and worker.isTraced):
                self._slots.held(now, worker.id)
            self._examine(worker)
        self.reloads.look()
        self._agenda.add(self._slots.tick(now))

    def deaf(self, worker: WorkerProcess, seconds: float) -> None:
        """
        A worker has taken nothing for so long, although its heart beats.
        """
        self._happened(self._slots.deaf, worker.id, seconds)

    def silent(self, worker: WorkerProcess, seconds: float) -> None:
        """
        A worker's heart has not beaten for so long.
        """
        self._happened(self._slots.silent, worker.id, seconds)

    @property
    def isCalm(self) -> bool:
        """
        Whether every slot has a worker that serves and stays.
        """
        return self._slots.isCalm

    @property
    def failed(self) -> Mapping[int, str]:
        """
        Why slots have no worker that stays, by number: of those that have failed again
        and again.
        """
        return {number: self._ends.reasonOf(number) for number in self._slots.failed}

    def scale(self, count: int) -> None:
        """
        There are to be so many workers from now on.
        """
        self._happened(self._slots.want, count)

    def kill(self, id: int, why: str) -> None:
        """
        End a worker now, because somebody wants that.

        @param why: Told with its end.
        """
        # First, so that its end finds it known.
        actions = self._slots.killed(self._clock.seconds(), id)
        self.workers[id].kill(why)
        self._agenda.add(actions)

    def hung(self, worker: WorkerProcess, seconds: float) -> None:
        """
        It has not for as long as it may.
        """
        self._happened(self._slots.hung, worker.id, seconds)

    def awake(self, worker: WorkerProcess, seconds: float) -> None:
        """
        It beats again, after so long.
        """
        self._where.awake(worker, seconds)

    def unheard(self, worker: WorkerProcess) -> None:
        """
        A signal has told a worker to end that does not turn its loop: it is as if it had
        said so.
        """
        worker.leaving(False)

    def replace(self, id: int, renewal: Renewal) -> None:
        """
        A worker is to make way for its successor, which is started first.
        """
        self._happened(self._slots.replace, id, renewal)

    def drain(self, id: int, renewal: Renewal) -> Deferred[None]:
        """
        The same, if its successor does not fail: then it stays.

        @param id: Of one that is there.
        @return: Fires when it is gone; fails with L{twisted_cluster.errors.CommandError}
            if it stays.
        """
        done = self._goodbyes.whenReplaced(id, self.workers[id].number)
        self.replace(id, renewal)
        return done

    def reload(self, plan: Plan) -> None:
        """
        All workers are to be new ones; L{reloads} knows who has ordered that.
        """
        self._happened(self._slots.reload, plan)

    @property
    def isRunning(self) -> bool:
        """
        Whether workers are started.
        """
        return not self._isHalted

    @property
    def generation(self) -> int:
        """
        Of which the workers are, when no reload goes on.
        """
        return self._slots.generation

    def whenGone(self, id: int) -> Deferred[None]:
        """
        @return: Fires when this worker is not there any more.
        """
        return self._goodbyes.whenGone(id) if id in self.workers else succeed(None)

    # What becomes of workers

    def online(self, worker: WorkerProcess) -> None:
        self._ends.ready(worker)
        self.reloads.ready(worker)
        self._examine(worker)
        self._happened(self._slots.ready, worker.id)

    def _examine(self, worker: WorkerProcess) -> None:
        if worker.isOnline and self.reloads.current:
            self._slots.unfit(worker.id, self.reloads.faultOf(worker))

    def told(self, worker: WorkerProcess) -> None:
        if not self._isHalted:
            tell("info", "{worker} was sent a signal: it is replaced", worker)
        self._happened(self._slots.told, worker.id)

    def leaving(self, worker: WorkerProcess, planned: bool) -> None:
        if not self._isHalted:
            tellLeaving(worker, planned)
        self._happened(self._slots.leaving, worker.id, not planned)

    def disconnected(self, worker: WorkerProcess) -> None:
        self._happened(self._slots.lost, worker.id)

    def gone(self, worker: WorkerProcess, asked: bool) -> None:
        del self.workers[worker.id]
        self.remains.gone(worker, asked)
        self.reloads.gone(worker, worker.said.tail, asked)
        now = self._clock.seconds()
        actions = self._slots.exited(now, worker.id, worker.ending.isTold)
        again = self._again.pop(worker.id, None) or _againIn(actions)
        try:
            if any(isinstance(action, GiveUp) for action in actions):
                # What it has complained of is told as the reason.
                worker.said.forget()
                tellEnding(worker, worker.ending)
            else:
                self._ends.ended(worker, again)
        finally:
            self._agenda.add(actions)
            self._goodbyes.gone(worker.id)
            if self.isCalm:
                # Where only this one listened, whatever for, nobody will any more.
                self._complete()
            if again is not None:
                said = f"{worker.name} {worker.ending.inWords()}"
                self._keepOthers(again.slot, "\n".join([said, *self.remains.lastWords]))

    def _keepOthers(self, slot: int, why: str) -> None:
        """
        Who was to be replaced stays: its successor has failed.
        """
        for id in self._goodbyes.waitingFor(slot):
            if not self._slots.mayStay(id):
                continue
            self._happened(self._slots.keep, id)
            self._goodbyes.stays(id, f"{self.workers[id].name} stays: {why}")

    # What is to be done

    def _happened(
        self,
        event: Callable[Concatenate[float, P], Sequence[Action]],
        *what: P.args,
        **more: P.kwargs,
    ) -> None:
        """
        Do what follows from an event.

        @param event: One of the machine's.
        """
        self._agenda.add(event(self._clock.seconds(), *what, **more))

    def _do(self, action: Action) -> None:
        if isinstance(action, Start):
            self._start(action)
        elif isinstance(action, Retire):
            self._retire(action)
        elif isinstance(action, Abort):
            self._abort(action)
        elif isinstance(action, Again):
            self._startAgain(action)
        elif isinstance(action, Failing):
            self._ends.failing(action)
        elif isinstance(action, Recovered):
            self._ends.recovered(self.workers[action.id], action)
        elif isinstance(action, Report):
            self._ends.report(self.workers[action.id], action)
        elif isinstance(action, Complete):
            self._complete()
        elif isinstance(action, GiveUp):
            self._giveUp(action)
        elif isinstance(action, Ended):
            self._end()
        elif isinstance(action, Judge):
            self._happened(self._slots.judged, self.reloads.judge())
        else:
            self.reloads.take(action)

    def _giveUp(self, action: GiveUp) -> None:
        if action.tries:
            self.remains.code = FAILED
        self._gaveUp(self.remains.lastWords, action.tries)

    def _abort(self, action: Abort) -> None:
        worker = self.workers[action.id]
        what = Report(f"{{worker}} is ended: {action.why}", worker.number, shows=ALL)
        worker.said.show()
        told = self._where.report("error", worker, what)
        told.addCallback(lambda _: worker.abort(action.why))

    def _retire(self, action: Retire) -> None:
        worker = self.workers[action.id]
        if action.why:
            tell("info", "{worker} makes way: {why}", worker, why=action.why)
        worker.retire()

    def _startAgain(self, again: Again) -> None:
        # Of one that is gone that has been told; others are about to go.
        if again.id in self.workers:
            self._again[again.id] = again

    def _start(self, action: Start) -> None:
        try:
            # Known before it is there: it may be gone by the time that spawn() returns.
            self.workers[action.id] = worker = self._newWorker(action)
            worker.spawn()
        except Exception as error:
            self.workers.pop(action.id, None)
            # Not only OSError: an environment that cannot be one, a codec that is none.
            self._refused(action, error)
            return
        self.remains.started()
        hearNothing(worker.peer.ears)
        # Others may be due as well, each in a turn of its own.
        if self._next is None:
            self._next = self._clock.callLater(0, self._startMore)

    def _refused(self, action: Start, error: Exception) -> None:
        why = whyRefused(error)
        said = f"cannot start worker {action.slot}: {why}"
        self.remains.refused(said)
        self.reloads.refused(action.id, said)
        actions = self._slots.refused(self._clock.seconds(), action.id)
        again = _againIn(actions)
        if again is not None:
            self._ends.refused(again, why)
            self._keepOthers(again.slot, said)
        self._agenda.add(actions)

    def _startMore(self) -> None:
        self._next = None
        self.tick()

    def _end(self) -> None:
        self._stopped, stopped = [], self._stopped
        for each in stopped:
            each.callback(None)


def _againIn(actions: Sequence[Action]) -> Again | None:
    return next((one for one in actions if isinstance(one, Again)), None)
