"""
C{cluster} in a primary, or in a process that could be one.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from attrs import evolve
from twisted.internet.defer import Deferred, gatherResults, succeed

from twisted_cluster.api import forked
from twisted_cluster.api.base import Cluster, Handler
from twisted_cluster.api.forks import Forks
from twisted_cluster.api.ground import Ground
from twisted_cluster.api.held import Held
from twisted_cluster.api.policy import fromEnvironment
from twisted_cluster.api.recipes import dispatchOf, limitsOf, recipeFor
from twisted_cluster.api.settings import Settings, check, merged
from twisted_cluster.core.codecs import JSON, codecNamed
from twisted_cluster.core.topics import Subscriber, once, topicName
from twisted_cluster.cpus import usableCPUs
from twisted_cluster.defaults import BACKLOG, MAIL_LIMIT
from twisted_cluster.errors import ClusterError, PolicyArgumentError, SettingsError
from twisted_cluster.events import SHARED
from twisted_cluster.interfaces import NewPolicy
from twisted_cluster.logfiles import shareLogFiles
from twisted_cluster.logs.unheard import sayToStandardError
from twisted_cluster.plugins import checkLimits, policyMaker
from twisted_cluster.primary.lives.rooms import Rooms
from twisted_cluster.talk.ears import tellSubscribers
from twisted_cluster.wire.inherited import Inherited
from twisted_cluster.wire.steady import steady

if TYPE_CHECKING:
    from typing_extensions import Unpack

# As in Node, workers may listen on whatever this process has open.
ANY = range(1 << 31)


class PrimaryCluster(Cluster):
    """
    Forks workers, each with the settings of its time.
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

    def __init__(self) -> None:
        super().__init__()
        self._forks: Forks | None = None
        self._held: Held | None = None
        self._count = 0
        self._ground: Ground | None = None
        self._policy: str | NewPolicy | None = None
        self._ask: Callable[..., object] | None = None
        self._stopping = False
        self._inherited = Inherited()

    @property
    def schedulingPolicy(self) -> str | NewPolicy:
        if self._policy is None:
            self._policy = fromEnvironment()
        return self._policy

    @schedulingPolicy.setter
    def schedulingPolicy(self, wanted: str | NewPolicy) -> None:
        if self._forks is not None:
            raise ClusterError(
                "schedulingPolicy must be set before the first fork(): it is "
                f"{self._policy!r}"
            )
        policyMaker(wanted)
        self._policy = wanted

    def setupPrimary(self, **settings: Unpack[Settings]) -> None:
        self.settings = merged(self.settings, settings)
        if self._ground is None or "exec" in settings:
            self._ground = Ground.of(self.settings.get("exec") or "")
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
        assert self._ground is not None
        recipe = recipeFor(self.settings, env or {}, self._reactor, self._ground)
        forks = self._stand()
        recipe = evolve(recipe, inherited=self._inherited)
        self._holdPorts()
        slot = forks.add(worker)
        self._soon("fork", worker)
        if forks.begin(worker, slot, recipe):
            self._attend(worker)
        return worker

    def _attend(self, worker: forked.Worker) -> None:
        if self._ask is not None:
            worker.answer(partial(self._ask, worker))
        if self.listeners("message"):
            worker.listenTo()

    def disconnect(self) -> Deferred[None]:
        ends = [worker.when("exit") for worker in self.workers.values()]
        done: Deferred[None] = Deferred()
        later = self._reactor.callLater
        if self._forks is not None:
            for tell in self._forks.dropWaiting():
                later(0, tell)
        for worker in self.workers.values():
            worker.disconnect()
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
        if self._forks is None:
            return succeed(None)
        return self._forks.rooms.exchange.publish(0, codec.flag, name, body)

    def subscribe(self, topic: str, handler: Subscriber) -> Callable[[], None]:
        name = topicName(topic)
        self._subscriptions.add(name, handler)
        return once(partial(self._subscriptions.remove, name, handler))

    def heard(self, event: str) -> None:
        if event == "message":
            for worker in self.workers.values():
                worker.listenTo()

    def _stand(self) -> Forks:
        """
        The reactor may not be touched before the first fork.
        """
        if self._forks is None:
            sayToStandardError()
            keep = bool(self.settings.get("keepListening"))
            makePolicy = policyMaker(self.schedulingPolicy)
            limits = limitsOf(self.settings)
            try:
                policy = makePolicy()
                checkLimits(policy, limits)
            except PolicyArgumentError as error:
                raise SettingsError(f"schedulingPolicy: {error}") from None
            dispatch = dispatchOf(self.settings, limits)
            isReal = policy is None or SHARED in dispatch.all
            self._inherited = Inherited.find(isReal=isReal)
            rooms = Rooms.make(
                steady(self._reactor),
                makePolicy,
                BACKLOG,
                keep,
                ANY,
                limits,
                areGuarded=True,
                inherited=self._inherited.numbers,
                mailLimit=self.settings.get("mailLimit") or MAIL_LIMIT,
                dispatch=dispatch,
                workers=usableCPUs(),
            )
            if rooms.guardian is not None:
                # Whose primary ends before its workers may have meant that.
                rooms.guardian.tellsAll = False
            # A script's log files are its workers' as well.
            shareLogFiles()
            rooms.exchange.hear = partial(tellSubscribers, self._subscriptions)
            self._forks = Forks(rooms, self, self.workers)
            self._reactor.addSystemEventTrigger("before", "shutdown", self._shutDown)
        return self._forks

    def _holdPorts(self) -> None:
        if self._held is None:
            self._held = Held(self._stand().rooms.listeners)
        self._held.hold(self.settings.get("listen"))

    def _shutDown(self) -> Deferred[None]:
        self._stopping = True
        forks = self._stand()
        for tell in forks.dropWaiting():
            tell()
        return forks.stop(self.disconnect)

    def _soon(self, event: str, *arguments: object) -> None:
        self._reactor.callLater(0, self.tell, event, *arguments)
