"""
What is known of a reload, and told to who waits for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping

from attrs import define
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from twisted_cluster.core.actions import (
    Action,
    GoBack,
    NotReloaded,
    Offer,
    Progress,
    Reloaded,
)
from twisted_cluster.core.canary import verdict
from twisted_cluster.core.reloading import Plan
from twisted_cluster.core.words import duration, several
from twisted_cluster.errors import CommandError
from twisted_cluster.primary.lives.checkup import Checkup
from twisted_cluster.primary.lives.process import WorkerProcess
from twisted_cluster.primary.lives.rooms import Rooms
from twisted_cluster.primary.ports.keys import isNth

log = Logger()

# A worker that is up shows life 20 times a second.
LIVELY = 1_000_000_000
AS_BEFORE = "the workers of before serve on"


@define(eq=False)
class Ordered:
    """
    A reload that somebody has asked for.

    @ivar done: Fires when it is over.
    @ivar places: Where the workers of before listened, by slot; empty: that does not
        matter.
    @ivar why: Why it has failed, if it has.
    @ivar culprit: The worker whose end will say so, if it has not ended yet; 0: none.
    @ivar over: What is to be told when it has.
    """

    plan: Plan
    done: Deferred[None]
    progress: Callable[[str], object]
    places: Mapping[int, Collection[str]]
    begun: float
    why: str = ""
    culprit: int = 0
    over: NotReloaded | None = None
    checkup: Checkup | None = None


class Reloads:
    """
    Carries out what a reload asks for, beside starts and ends of workers.
    """

    def __init__(
        self,
        clock: IReactorTime,
        rooms: Rooms,
        workers: Mapping[int, WorkerProcess],
        over: Callable[[], None],
    ) -> None:
        """
        @param clock: Counts monotonic seconds.
        @param workers: All that there are, by id.
        @param over: Called when one is over.
        """
        self._clock = clock
        self._rooms = rooms
        self._over = over
        self._workers = workers
        self._orders: dict[int, Ordered] = {}
        # What those that were new had to say at their end, by id.
        self._ends: dict[int, str] = {}

    @property
    def current(self) -> int:
        """
        The generation that is to be; 0 if none is.
        """
        return max(self._orders, default=0)

    def inWords(self) -> str:
        """
        How far it is; C{""}: none goes on.
        """
        order = self._orders.get(self.current)
        if order is None:
            return ""
        generation = order.plan.generation
        news = [
            worker
            for worker in self._workers.values()
            if worker.isOnline and worker.speaker.generation == generation
        ]
        return f"reload to generation {generation}: {several(len(news), 'new worker')}"

    def order(
        self, plan: Plan, progress: Callable[[str], object], isFree: bool
    ) -> Deferred[None]:
        """
        @param progress: Told lines on the way.
        @param isFree: Whether new workers may listen elsewhere than those before.
        @return: Fires when all workers are new; fails with L{CommandError}.
        """
        done: Deferred[None] = Deferred()
        places = {} if isFree else self._places()
        begun = self._clock.seconds()
        self._orders[plan.generation] = Ordered(plan, done, progress, places, begun)
        log.info("reload: generation {generation} starts", generation=plan.generation)
        return done

    def _places(self) -> Mapping[int, Collection[str]]:
        places: dict[int, set[str]] = {}
        for worker in self._workers.values():
            if worker.isOnline:
                there = places.setdefault(worker.number, set())
                there.update(self._placesOf(worker))
        return places

    def _placesOf(self, worker: WorkerProcess) -> Iterable[str]:
        return [
            listener.place
            for listener in self._rooms.listeners.byNumber.values()
            if worker.id in listener.users and not isNth(listener.spec)
        ]

    # What becomes of workers

    def faultOf(self, worker: WorkerProcess) -> str:
        """
        @return: What is wrong with a new worker that says it is ready; C{""}: nothing is.
        """
        order = self._orders.get(worker.speaker.generation)
        if order is None:
            return ""
        beat = worker.hand.heartbeat
        silence = time.monotonic_ns() - beat if beat else 0
        if silence > LIVELY and not worker.hand.isHeld:
            return f"it has shown no life for {silence / 1e9:.0f} s"
        missed = set(order.places.get(worker.number, ())) - set(self._placesOf(worker))
        if missed:
            where = ", ".join(sorted(missed))
            return f"it does not listen on {where}, as those before it do"
        return ""

    def ready(self, worker: WorkerProcess) -> None:
        """
        A worker is.
        """
        order = self._orders.get(worker.speaker.generation)
        if order is not None:
            worker.said.keep(True)
            order.progress(f"{worker.name} ready after {duration(worker.age)}")

    def look(self) -> None:
        """
        To be called some 20 times a second.
        """
        order = self._orders.get(self.current)
        if order is not None and order.checkup is not None:
            order.checkup.look(one for one in self._workers.values() if one.isOnline)

    def gone(self, worker: WorkerProcess, words: Iterable[str], asked: bool) -> None:
        """
        A worker is.

        @param words: Its last.
        @param asked: Whether it was to be.
        """
        order = self._orders.get(self.current)
        if order is not None and order.checkup is not None:
            order.checkup.gone(worker, asked)
        if worker.speaker.generation in self._orders:
            said = worker.ending.inWords()
            self._ends[worker.id] = "\n".join([f"{worker.name} {said}", *words])
        for each in list(self._orders.values()):
            if each.culprit == worker.id:
                each.culprit, each.why = 0, self._ends[worker.id]
                if each.over is not None:
                    self._notReloaded(each, each.over)

    def refused(self, id: int, why: str) -> None:
        """
        One could not be started.
        """
        self._ends[id] = why

    # What is to be done

    def take(self, action: Action) -> None:
        """
        Do what concerns a reload.
        """
        if isinstance(action, Offer):
            self._rooms.door.share(
                action.generation, action.share, self._rooms.listeners.newPolicy
            )
            if action.share and self.current:
                self._beginCheckup(self._orders[self.current])
        elif isinstance(action, Progress):
            log.info("reload: {text}", text=action.text)
            self._orders[self.current].progress(action.text)
        elif isinstance(action, GoBack):
            self._goBack(self._orders[self.current], action)
        elif isinstance(action, Reloaded):
            self._reloaded(self._orders[action.generation])
        elif isinstance(action, NotReloaded):
            self._notReloaded(self._orders[action.generation], action)

    def _beginCheckup(self, order: Ordered) -> None:
        order.checkup = Checkup(order.plan.generation)
        order.checkup.begin(self._workers.values())

    def judge(self) -> str:
        """
        @return: What is wrong with the canary; C{""}: nothing is.
        """
        try:
            return self._judge(self._orders[self.current])
        except Exception:
            # A reload that nobody judges would go on for ever.
            log.failure("the canary cannot be judged")
            return "the canary could not be judged"

    def _judge(self, order: Ordered) -> str:
        assert order.checkup is not None
        canary, others = order.checkup.health()
        wrong = verdict(canary, others)
        self._tellHealth(order)
        return f"the canary fares worse: {wrong}" if wrong else ""

    def _tellHealth(self, order: Ordered) -> None:
        assert order.checkup is not None
        canary, others = order.checkup.health()
        text = f"canary: {canary.inWords()}; the others: {others.inWords()}"
        log.info("reload: {text}", text=text)
        order.progress(text)

    def _goBack(self, order: Ordered, action: GoBack) -> None:
        if not action.why and order.checkup is not None:
            self._tellHealth(order)
        order.why = self._reasonOf(action)
        if not action.why and action.id in self._workers:
            order.culprit = action.id
        first = order.why.partition("\n")[0]
        log.error("reload failed: {why}; back to those before", why=first)
        order.progress(f"failed: {first}; back to those before")

    def _reasonOf(self, action: GoBack) -> str:
        worker = self._workers.get(action.id)
        if worker is None:
            return action.why or self._ends.get(action.id, "a new worker has failed")
        why = action.why or "it ends"
        return "\n".join([f"{worker.name}: {why}", *worker.said.tail])

    def _reloaded(self, order: Ordered) -> None:
        seconds = duration(self._clock.seconds() - order.begun)
        log.info(
            "reloaded: all workers are of generation {generation}; {seconds}",
            generation=order.plan.generation,
            seconds=seconds,
        )
        self._end(order)
        order.done.callback(None)

    def _notReloaded(self, order: Ordered, action: NotReloaded) -> None:
        if order.culprit and not action.why:
            order.over = action
            return
        self._end(order)
        if action.why:
            log.warn("reload: {why}", why=action.why)
            order.done.errback(CommandError(action.why))
            return
        after = action.more or AS_BEFORE
        (log.error if action.more else log.info)("reload: {after}", after=after)
        first, line, rest = order.why.partition("\n")
        order.done.errback(CommandError(f"{first}; {after}{line}{rest}"))

    def _end(self, order: Ordered) -> None:
        del self._orders[order.plan.generation]
        self._ends.clear()
        for worker in self._workers.values():
            if worker.speaker.generation == order.plan.generation and worker.isOnline:
                worker.said.keep(False)
        self._over()
