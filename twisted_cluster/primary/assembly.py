"""
What a cluster consists of, put together.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from random import random

from attrs import evolve

from twisted_cluster.core.actions import Start
from twisted_cluster.core.places import Renewal
from twisted_cluster.core.recycling import Recycling
from twisted_cluster.core.scaling import Load
from twisted_cluster.core.slots import Slots
from twisted_cluster.core.snapshot import Snapshot
from twisted_cluster.core.starts import Pace
from twisted_cluster.kinds import kindOf
from twisted_cluster.primary.census import snapshot
from twisted_cluster.primary.config import ClusterConfig
from twisted_cluster.primary.lives.crowding import Crowding
from twisted_cluster.primary.lives.process import WorkerProcess
from twisted_cluster.primary.lives.readiness import Readiness
from twisted_cluster.primary.lives.recipe import Recipe
from twisted_cluster.primary.lives.releases import Releases
from twisted_cluster.primary.lives.reloads import Reloads
from twisted_cluster.primary.lives.rooms import Rooms
from twisted_cluster.primary.lives.supervisor import Supervisor
from twisted_cluster.primary.lives.suspects import REPLACED, Suspects
from twisted_cluster.primary.lives.tending import Tending
from twisted_cluster.primary.lives.turns import startsAtATime
from twisted_cluster.primary.lives.vigil import Limits, Vigil
from twisted_cluster.primary.pulse import Pulse
from twisted_cluster.primary.verbs.choosing import Choosing
from twisted_cluster.primary.verbs.enough import checkEnough, loadOf
from twisted_cluster.primary.verbs.scaling import Scaling
from twisted_cluster.reactors import IClusterReactor
from twisted_cluster.wire.steady import steady


class Assembly:
    """
    @ivar config: What was said of it.
    @ivar rooms: Its door, its ports, its topics.
    @ivar supervisor: Has the workers.
    @ivar releases: What these are made of.
    @ivar scaling: How many there are to be.
    @ivar choosing: Who is given the next connection.
    @ivar readiness: Whether enough of them serve.
    @ivar pulse: What is done again and again while there are any.
    """

    def __init__(
        self,
        reactor: IClusterReactor,
        config: ClusterConfig,
        complete: Callable[[], None],
        gaveUp: Callable[[Sequence[str], int], None],
    ) -> None:
        """
        @param complete: Called when every slot has a worker that serves.
        @param gaveUp: As L{Supervisor} has it.
        """
        rules = config.rules
        self.config = config
        self._kind = config.recipe.reactor or kindOf(reactor)
        self.rooms = Rooms.make(
            steady(reactor),
            config.newPolicy,
            config.backlog,
            descriptors=config.recipe.inherited.numbers,
            limits=config.limits,
            areGuarded=True,
            mailLimit=rules.mailLimit,
            dispatch=config.dispatch,
            workers=config.span.most,
        )
        clock = self.rooms.reactor
        self.releases = Releases(config.recipe, rules.followSymlink)
        pace = Pace(startsAtATime(), self._mayStart)
        self.supervisor = Supervisor(
            clock,
            Slots(rules.startTimeout, pace, giveUpAfter=rules.giveUpAfter),
            self._newWorker,
            complete,
            gaveUp,
            self._newReloads,
        )
        self.scaling = Scaling(
            clock, self.supervisor, config.span, self._load, self._checkEnough
        )
        self.choosing = Choosing(config, self.rooms)
        self.readiness = Readiness(clock, rules.minReady, self._serving)
        self.pulse = self._newPulse()

    def _mayStart(self, generation: int) -> bool:
        return not self.rooms.templates.isBusy(generation)

    def _newPulse(self) -> Pulse:
        rules, supervisor = self.config.rules, self.supervisor
        limits = Limits(rules.hangWarning, rules.hangTimeout)
        vigil = Vigil(time.monotonic_ns, self._online, supervisor, limits)
        recycling = Recycling(rules.maxAge, rules.maxServed, rules.maxRss, random)
        tending = Tending(self.rooms.reactor, supervisor, recycling)
        suspects = Suspects(
            self.rooms.listeners,
            supervisor.workers.values,
            self.rooms.reactor,
            lambda worker: supervisor.replace(worker.id, Renewal(REPLACED)),
        )
        return Pulse(
            self.rooms,
            supervisor.tick,
            vigil.look,
            Crowding(self._online).look,
            self.scaling.tick,
            tending.look,
            self.readiness.look,
            suspects.look,
        )

    def begin(self) -> None:
        """
        There are to be workers.
        """
        self.pulse.start()
        self.prepare(self.supervisor.generation)
        self.readiness.restart()
        self.scaling.start()

    def prepare(self, generation: int) -> None:
        """
        There are to be workers of a generation.
        """
        recipe = self._recipeOf(generation).placed()
        self.rooms.templates.prepare(recipe, self.supervisor.tick)

    def snapshot(self, uptime: float, isStopping: bool) -> Snapshot:
        """
        @param uptime: For how long it has run, in seconds.
        @param isStopping: Whether it ends.
        @return: What there is just now.
        """
        return snapshot(
            self.scaling.count,
            uptime,
            isStopping,
            self.supervisor.workers.values(),
            self.rooms.listeners.byNumber.values(),
            self.rooms.door,
            self.supervisor.remains.counted,
            self.choosing.nameOf,
            self.config.rules.minReady,
            self.supervisor.failed,
            self.supervisor.generation,
            self.supervisor.reloads.inWords(),
        )

    def _newWorker(self, start: Start) -> WorkerProcess:
        config = self.config
        recipe = evolve(
            self._recipeOf(start.generation),
            weight=config.weights.get(start.slot, 1),
            group=config.groups.get(start.slot, ""),
            multiprocess=config.recipe.multiprocess or self.scaling.count > 1,
        )
        return WorkerProcess(self.rooms, start.slot, start.id, recipe, self.supervisor)

    def _recipeOf(self, generation: int) -> Recipe:
        return evolve(self.releases.of(generation), reactor=self._kind)

    def _newReloads(self, workers: Mapping[int, WorkerProcess]) -> Reloads:
        return Reloads(self.rooms.reactor, self.rooms, workers, self._hasReloaded)

    def _hasReloaded(self) -> None:
        # While another goes on slots may still be of what that one has superseded.
        if not self.supervisor.reloads.current:
            self.releases.forgetAllBut(self.supervisor.generation)
            self.rooms.templates.forgetAllBut(self.supervisor.generation)

    def _online(self) -> Iterable[WorkerProcess]:
        return (one for one in self.supervisor.workers.values() if one.isOnline)

    def _load(self) -> Load:
        return loadOf(self._online(), self.rooms.door)

    def _serving(self) -> tuple[set[int], int]:
        ready = {one.number for one in self._online() if one.isReady}
        return ready, self.scaling.count

    def _checkEnough(self, count: int) -> None:
        listeners = self.rooms.listeners.byNumber.values()
        checkEnough(count, self.config, [one.policy for one in listeners])
