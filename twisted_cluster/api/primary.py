"""
C{cluster} in a primary, or in a process that could be one.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, TypeVar

from twisted.application.reactors import getReactorTypes
from twisted.internet.defer import Deferred, gatherResults, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_cluster.api import forked
from twisted_cluster.api.base import Cluster, Handler
from twisted_cluster.api.policy import fromEnvironment
from twisted_cluster.api.settings import Settings, check, merged
from twisted_cluster.api.streams import Streams, planned
from twisted_cluster.core.codecs import JSON, codecNamed
from twisted_cluster.core.messages import Listening
from twisted_cluster.core.topics import Subscriber, once, topicName
from twisted_cluster.defaults import BACKLOG, DRAIN_TIMEOUT, MOST_WORKERS
from twisted_cluster.errors import ClusterError, PolicyArgumentError, SettingsError
from twisted_cluster.events import WAIT, Limits
from twisted_cluster.interfaces import NewPolicy
from twisted_cluster.plugins import checkLimits, policyMaker
from twisted_cluster.primary.lives.process import WorkerProcess
from twisted_cluster.primary.lives.recipe import Recipe
from twisted_cluster.primary.lives.rooms import Rooms
from twisted_cluster.primary.lives.turns import Turns, startsAtATime
from twisted_cluster.primary.lives.vigil import Vigil
from twisted_cluster.primary.lives.watcher import Watcher
from twisted_cluster.primary.pulse import Pulse
from twisted_cluster.primary.stopping import Stopping
from twisted_cluster.talk.ears import tellSubscribers
from twisted_cluster.wire.steady import steady

if TYPE_CHECKING:
    from typing_extensions import Unpack

log = Logger()
Value = TypeVar("Value")


class PrimaryCluster(Cluster, Watcher[WorkerProcess]):
    """
    Forks workers, and tells what becomes of them.
    """

    EVENTS = {
        "setup": 1,
        "fork": 1,
        "online": 1,
        "listening": 2,
        "message": 3,
        "disconnect": 1,
        "exit": 3,
        "error": 2,
    }

    Worker = forked.Worker

    # There from the first fork on, as the reactor may not be touched before.
    _turns: Turns

    def __init__(self) -> None:
        super().__init__()
        self._pulse: Pulse | None = None
        self._count = 0
        self._slots: dict[int, forked.Worker] = {}
        self._processes: dict[WorkerProcess, forked.Worker] = {}
        self._policy: str | NewPolicy | None = None
        self._ask: Callable[..., object] | None = None
        self._stopping = False

    @property
    def schedulingPolicy(self) -> str | NewPolicy:
        if self._policy is None:
            self._policy = fromEnvironment()
        return self._policy

    @schedulingPolicy.setter
    def schedulingPolicy(self, wanted: str | NewPolicy) -> None:
        if self._pulse is not None:
            raise ClusterError(
                "schedulingPolicy must be set before the first fork(): it is "
                f"{self._policy!r}"
            )
        policyMaker(wanted)
        self._policy = wanted

    def setupPrimary(self, **settings: Unpack[Settings]) -> None:
        self.settings = merged(self.settings, settings)
        self._soon("setup", self.settings)

    def fork(self, env: Mapping[str, str] | None = None) -> forked.Worker:
        check({"env": env})
        self._count += 1
        worker = forked.Worker(self._count)
        if self._stopping:
            # Whoever forks at each exit shall not have to know that this is the end.
            worker.exited(-errno.ESHUTDOWN, None)
            return worker
        self.setupPrimary()
        recipe = self._recipe(env or {})
        slot = self._freeSlot()
        pulse = self._stand()
        self.workers[worker.id] = self._slots[slot] = worker
        self._soon("fork", worker)
        self._spawn(worker, pulse, slot, recipe)
        return worker

    def disconnect(self) -> Deferred[None]:
        ends = [worker.disconnect().when("exit") for worker in self.workers.values()]
        done: Deferred[None] = Deferred()
        later = self._reactor.callLater
        gatherResults(ends).addCallback(lambda _: later(0, done.callback, None))
        return done

    def answer(self, handler: Handler) -> Handler:
        self._ask = handler
        for worker in self.workers.values():
            worker.answer(partial(handler, worker))
        return handler

    def broadcast(self, message: object, topic: str = "") -> Deferred[None]:
        name = topicName(topic)
        codec = codecNamed(self.settings.get("serialization") or JSON.name)
        body = codec.encode(message)
        if self._pulse is None:
            return succeed(None)
        return self._pulse.rooms.exchange.publish(0, codec.flag, name, body)

    def subscribe(self, topic: str, handler: Subscriber) -> Callable[[], None]:
        name = topicName(topic)
        self._subscriptions.add(name, handler)
        return once(partial(self._subscriptions.remove, name, handler))

    def heard(self, event: str) -> None:
        if event == "message":
            for worker in self.workers.values():
                worker.listenTo()

    # Forking

    def _spawn(
        self, worker: forked.Worker, pulse: Pulse, slot: int, recipe: Recipe
    ) -> None:
        process = WorkerProcess(pulse.rooms, slot, worker.id, recipe, self)
        self._processes[process] = worker
        try:
            if len(self._slots) == 1:
                pulse.start()
            _checkRecipe(recipe)
            process.prepare()
            worker.begin(process, partial(self.tell, "message"))
            self._turns.take(worker.id, partial(self._start, process, slot))
        except BaseException as error:
            self._processes.pop(process, None)
            if isinstance(error, OSError):
                self._soon(self._cannotSpawn, worker, slot, Failure())
                return
            del self.workers[worker.id], self._slots[slot]
            if not self._slots:
                pulse.rest()
            raise
        if self._ask is not None:
            worker.answer(partial(self._ask, worker))
        if self.listeners("message"):
            worker.listenTo()

    def _start(self, process: WorkerProcess, slot: int) -> None:
        """
        Start a process in its turn.
        """
        try:
            process.start()
        except Exception:
            # Not only OSError: in its turn there is nobody whom it could be raised to.
            worker = self._processes.pop(process)
            self._turns.done(worker.id)
            self._soon(self._cannotSpawn, worker, slot, Failure())

    def _cannotSpawn(self, worker: forked.Worker, slot: int, failure: Failure) -> None:
        if worker.listeners("error"):
            worker.tell("error", failure)
        if self.listeners("error") or not worker.listeners("error"):
            self.tell("error", worker, failure)
        self._tellDisconnected(worker)
        number = getattr(failure.value, "errno", None) or errno.EAGAIN
        self._bury(worker, slot, -number, None)

    def _recipe(self, env: Mapping[str, str]) -> Recipe:
        settings = self.settings
        streams = planned(settings)
        cwd = settings.get("cwd")
        return Recipe(
            [*(settings.get("execArgv") or ()), *_command(settings)],
            settings.get("reactor") or _nameOf(type(self._reactor).__module__),
            _or(settings.get("drainTimeout"), DRAIN_TIMEOUT),
            {**(settings.get("env") or {}), **env},
            None if cwd is None else os.fspath(cwd),
            settings.get("uid"),
            settings.get("gid"),
            settings.get("serialization") or JSON.name,
            outgoing=True,
            weight=_or(settings.get("weight"), 1),
            group=settings.get("group") or "",
            generation=settings.get("generation") or 1,
            newOutput=partial(Streams, streams),
        )

    def _freeSlot(self) -> int:
        for slot in range(1, MOST_WORKERS + 1):
            if slot not in self._slots:
                return slot
        raise ClusterError(
            f"{MOST_WORKERS} workers are there already: no more can be forked"
        )

    def _stand(self) -> Pulse:
        if self._pulse is None:
            keep = bool(self.settings.get("keepListening"))
            makePolicy = policyMaker(self.schedulingPolicy)
            limits = Limits(
                self.settings.get("maxConnections"),
                {},
                self.settings.get("maxPerAddress"),
                self.settings.get("atLimit") or WAIT,
            )
            try:
                checkLimits(makePolicy(), limits)
            except PolicyArgumentError as error:
                raise SettingsError(f"schedulingPolicy: {error}") from None
            rooms = Rooms.make(
                steady(self._reactor), makePolicy, BACKLOG, keep, True, limits
            )
            rooms.exchange.hear = partial(tellSubscribers, self._subscriptions)
            vigil = Vigil(time.monotonic_ns, self._online, _tellDeaf, _tellSilent)
            self._pulse = Pulse(rooms, vigil.look)
            self._turns = Turns(rooms.reactor, startsAtATime())
            self._reactor.addSystemEventTrigger("before", "shutdown", self._shutDown)
        return self._pulse

    def _online(self) -> Iterator[WorkerProcess]:
        return (process for process in self._processes if process.isOnline)

    def _shutDown(self) -> Deferred[None]:
        self._stopping = True
        self._dropWaiting()
        workers = self._processes.keys
        return Stopping(self._stand(), workers, self.disconnect).run()

    def _dropWaiting(self) -> None:
        """
        Who waits for its turn to start would start only to end.
        """
        for process, worker in list(self._processes.items()):
            if not process.isStarted:
                del self._processes[process]
                process.abandon()
                self._tellDisconnected(worker)
                self._bury(worker, process.number, -errno.ESHUTDOWN, None)

    def _soon(self, event: str | Callable[..., None], *arguments: object) -> None:
        call = partial(self.tell, event) if isinstance(event, str) else event
        self._reactor.callLater(0, call, *arguments)

    # What becomes of workers

    def born(self, process: WorkerProcess) -> None:
        worker = self._processes[process]
        self._turns.done(worker.id)
        worker.state = "online"
        worker.tell("online")
        self.tell("online", worker)

    def listening(self, process: WorkerProcess, where: Listening) -> None:
        worker = self._processes[process]
        worker.state = "listening"
        info = forked.ListeningInfo.of(where)
        worker.tell("listening", info)
        self.tell("listening", worker, info)

    def leaving(self, process: WorkerProcess, planned: bool) -> None:
        self._processes[process].leave(planned)

    def disconnected(self, process: WorkerProcess) -> None:
        if process in self._processes:
            self._tellDisconnected(self._processes[process])

    def gone(self, process: WorkerProcess, asked: bool) -> None:
        worker = self._processes.pop(process)
        child = process.child
        self._bury(worker, process.number, child.exitCode, child.exitSignal)

    def _tellDisconnected(self, worker: forked.Worker) -> None:
        worker.disconnected()
        worker.tell("disconnect")
        self.tell("disconnect", worker)

    def _bury(
        self, worker: forked.Worker, slot: int, code: int | None, name: str | None
    ) -> None:
        del self.workers[worker.id], self._slots[slot]
        self._turns.done(worker.id)
        if not self._slots:
            self._stand().rest()
        worker.exited(code, name)
        worker.tell("exit", code, name)
        self.tell("exit", worker, code, name)
        worker.forget()


def _tellDeaf(process: WorkerProcess, seconds: float) -> None:
    what = "{worker} has taken nothing of what waits for it for {seconds:.0f} s"
    log.warn(what, worker=process.name, seconds=seconds)


def _tellSilent(process: WorkerProcess, seconds: float) -> None:
    what = "{worker} has shown no life for {seconds:.0f} s"
    log.warn(what, worker=process.name, seconds=seconds)


def _command(settings: Settings) -> list[str]:
    script = settings.get("exec") or ""
    if not script:
        raise SettingsError(
            "there is no script that workers could run: setupPrimary(exec='script.py')"
        )
    target = script.split(" ", 1) if script.startswith("-m ") else [script]
    return ["-m", "twisted_cluster.worker.script", *target, *(settings.get("args") or ())]


def _checkRecipe(recipe: Recipe) -> None:
    """
    A child that cannot do what it must before it begins could only die of it.

    @raise OSError: As the child would have it.
    """
    directory = recipe.directory
    if directory is not None and not os.path.isdir(directory):
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT), directory)
    if (recipe.uid, recipe.gid) != (None, None) and os.geteuid() != 0:
        raise OSError(errno.EPERM, "only root can start workers as somebody else")


@cache
def _nameOf(module: str) -> str:
    """
    @return: The short name of a kind of reactor; kept, for plugins are found by reading
        directories, and there may be no descriptor for that later.
    """
    for kind in getReactorTypes():
        if getattr(kind, "moduleName", None) == module:
            name: str = kind.shortName
            return name
    return "default"


def _or(value: Value | None, otherwise: Value) -> Value:
    return otherwise if value is None else value
