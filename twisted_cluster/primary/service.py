"""
The cluster as a service: wires the parts together, decides nothing.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable, Mapping, Sequence
from random import random
from typing import TYPE_CHECKING, cast

from attrs import evolve
from twisted.application.service import Service
from twisted.internet.defer import Deferred, fail, maybeDeferred, succeed
from twisted.logger import Logger

from twisted_cluster.admin.control import Control
from twisted_cluster.core.actions import Start
from twisted_cluster.core.recycling import Recycling
from twisted_cluster.core.scaling import Load
from twisted_cluster.core.slots import Slots
from twisted_cluster.core.snapshot import Snapshot
from twisted_cluster.core.starts import Pace
from twisted_cluster.core.verbs import Progress, Verbs
from twisted_cluster.core.words import duration, several
from twisted_cluster.errors import ClusterError, CommandError
from twisted_cluster.kinds import kindOf
from twisted_cluster.plugins import unheeded
from twisted_cluster.primary.census import snapshot
from twisted_cluster.primary.config import ClusterConfig
from twisted_cluster.primary.lives.process import WorkerProcess
from twisted_cluster.primary.lives.readiness import Readiness
from twisted_cluster.primary.lives.releases import Releases
from twisted_cluster.primary.lives.reloads import Reloads
from twisted_cluster.primary.lives.rooms import Rooms
from twisted_cluster.primary.lives.supervisor import Supervisor
from twisted_cluster.primary.lives.tending import Tending
from twisted_cluster.primary.lives.turns import startsAtATime
from twisted_cluster.primary.lives.vigil import Limits, Vigil
from twisted_cluster.primary.pulse import Pulse
from twisted_cluster.primary.stopping import Stopping
from twisted_cluster.primary.verbs.choosing import Choosing
from twisted_cluster.primary.verbs.enough import checkEnough, loadOf
from twisted_cluster.primary.verbs.reloading import Manner, Reloader, drain
from twisted_cluster.primary.verbs.scaling import Scaling
from twisted_cluster.reactors import IClusterReactor
from twisted_cluster.wire.steady import steady

if TYPE_CHECKING:
    from typing_extensions import Unpack

log = Logger()


class ClusterService(Service):
    """
    Runs the primary's side: binds, starts workers, hands connections over. Signals and
    exit codes are the process's own. Once it has stopped it can be started again.

    @ivar rooms: What it consists of.
    @ivar supervisor: Has the workers.
    """

    def __init__(self, reactor: IClusterReactor, config: ClusterConfig) -> None:
        self._config = config
        self._kind = config.recipe.reactor or kindOf(reactor)
        self._isBound = False
        self._since = 0.0
        self._complained: set[str] = set()
        self._isAnnounced = False
        self._stopping: Deferred[None] | None = None
        self._waiting: list[Deferred[Sequence[str]]] = []
        # Who has asked for the end, and is told before the control socket is closed.
        self._ending: list[Deferred[None]] = []
        self.rooms = Rooms.make(
            steady(reactor),
            config.newPolicy,
            config.backlog,
            descriptors=config.recipe.inherited.numbers,
            limits=config.limits,
        )
        self.supervisor = Supervisor(
            self.rooms.reactor,
            Slots(
                config.rules.startTimeout,
                Pace(startsAtATime()),
                giveUpAfter=config.rules.giveUpAfter,
            ),
            self._newWorker,
            self._allUp,
            self._giveUp,
            self._newReloads,
        )
        self._releases = Releases(config.recipe, config.rules.followSymlink)
        vigil = Vigil(
            time.monotonic_ns,
            self._online,
            self.supervisor,
            Limits(config.rules.hangWarning, config.rules.hangTimeout),
        )
        clock, rules = self.rooms.reactor, config.rules
        self._scaling = Scaling(
            clock, self.supervisor, config.span, self._load, self._checkEnough
        )
        recycling = Recycling(rules.maxAge, rules.maxServed, rules.maxRss, random)
        tending = Tending(clock, self.supervisor, recycling)
        self._readiness = Readiness(clock, rules.minReady, self._serving)
        self._pulse = Pulse(
            self.rooms,
            self.supervisor.tick,
            vigil.look,
            self._scaling.tick,
            tending.look,
            self._readiness.look,
        )
        self._choosing = Choosing(config, self.rooms)
        self._control = self._newControl()

    def privilegedStartService(self) -> None:
        """
        Bind the ports, while we may.

        @raise OSError: If one cannot be bound; none stays bound. Its C{filename} is what
            was to be listened on.
        @raise ControlTakenError: If another cluster has the control socket.
        @raise ClusterError: If it is stopping.
        """
        self._checkStopped()
        for spec in self._config.listen:
            try:
                self.rooms.listeners.hold(spec)
            except OSError as error:
                self.rooms.listeners.closeAll()
                why = error.strerror or str(error)
                raise OSError(error.errno, why, str(spec)) from None
        try:
            if self._control is not None:
                self._control.bind()
        except BaseException:
            self.rooms.listeners.closeAll()
            raise
        self._isBound = True

    def startService(self) -> None:
        """
        Start the workers.

        @raise OSError: As L{privilegedStartService}, where that was not called.
        @raise ClusterError: If it is stopping.
        """
        self._checkStopped()
        if not self._isBound:
            self.privilegedStartService()
        super().startService()
        self._since = self.rooms.reactor.seconds()
        self._isAnnounced = False
        self._complained.clear()
        self._tellUnheeded()
        self._pulse.start()
        self._readiness.restart()
        self._scaling.start()
        if self._control is not None:
            self._control.start()

    def stopService(self) -> Deferred[None]:
        """
        Hand over what has come in, stop listening, let workers finish, and end.

        @return: Fires when the workers are gone.
        """
        super().stopService()
        done: Deferred[None] = Deferred()
        if self._stopping is None:
            self._stopping = Deferred()
            self.supervisor.halt()
            self._scaling.stop()
            workers = self.supervisor.workers.values
            stopping = Stopping(self._pulse, workers, self.supervisor.stop)
            ended = stopping.run().addCallback(self._hasEnded)
            ended.addCallback(self._hasStopped)
        if self._stopping is None:
            done.callback(None)
        else:
            self._stopping.chainDeferred(done)
        return done

    def stacks(self, id: int) -> Deferred[str]:
        """
        @param id: A worker's.
        @return: Fires with the stack of every thread of its, within a second; fails with
            a L{CommandError} if there is no such worker, or it cannot be seen.
        """
        worker = self.supervisor.workers.get(id)
        if worker is None:
            return fail(CommandError(f"there is no worker with id {id}"))
        return worker.askStacks()

    def reload(
        self, *, progress: Progress = lambda said: None, **how: Unpack[Manner]
    ) -> Deferred[None]:
        """
        Replace all workers by new ones, which are there before the old ones leave.

        @param progress: Told lines on the way.
        @param how: See L{Manner}.
        @return: Fires when all are new; fails with L{CommandError}, and all is as before.
        """
        rules = self._config.rules
        reloader = Reloader(rules, self.supervisor, self._releases)
        return maybeDeferred(reloader.reload, progress, **how)

    def drain(self, id: int, progress: Progress = lambda said: None) -> Deferred[None]:
        """
        Replace one worker by a new one, which is there before it leaves.

        @param progress: Told lines on the way.
        @return: Fires when it has left; fails with L{CommandError}.
        """
        return maybeDeferred(drain, self.supervisor, id, progress)

    def snapshot(self) -> Snapshot:
        """
        @return: What there is just now.
        """
        rooms, now = self.rooms, self.rooms.reactor.seconds()
        return snapshot(
            self._scaling.count,
            now - self._since if self.running else 0.0,
            self._stopping is not None,
            self.supervisor.workers.values(),
            rooms.listeners.byNumber.values(),
            rooms.door,
            self.supervisor.counted,
            self._choosing.nameOf,
            self._config.rules.minReady,
            self.supervisor.failed,
        )

    def scale(
        self, count: int | str, progress: Progress = lambda said: None
    ) -> Deferred[None]:
        """
        So many workers there are to be.

        @param count: A number, or a range in which the load decides: C{"2-8"}.
        @param progress: Is told, in a line each, how far it is.
        @return: Fires when there are, or fails with
            L{twisted_cluster.errors.CommandError}.
        """
        if not self._isRunning:
            return fail(CommandError("the cluster does not run"))
        return self._scaling.scale(count, progress)

    def scaleBy(self, more: int) -> Deferred[None]:
        """
        So many workers more, or less where it is negative; else as L{scale}.
        """
        return self.scale(self._scaling.count + more)

    def kill(self, id: int) -> Deferred[None]:
        """
        Kill a worker; another takes its place at once.

        @return: Fires when it is gone, or fails with
            L{twisted_cluster.errors.CommandError}.
        """
        if id not in self.supervisor.workers:
            return fail(CommandError(f"there is no worker of id {id}"))
        gone = self.supervisor.whenGone(id)
        self.supervisor.kill(id, "as told")
        return gone

    def reopenLogs(self) -> Deferred[None]:
        """
        Have workers open their log files again: applications that have a handler for
        SIGUSR1 get it.

        @return: Fires when they are told.
        """
        self.forward(signal.SIGUSR1)
        return succeed(None)

    def forward(self, number: int) -> int:
        """
        Pass a signal on to all workers whose application has a handler for it.

        @return: How many workers are told.
        """
        return sum(one.passOn(number) for one in self.supervisor.workers.values())

    def stopNow(self) -> Deferred[None]:
        """
        End at once: what is served is cut.

        @return: Fires when the workers are gone.
        """
        done = self.stopService()
        for worker in list(self.supervisor.workers.values()):
            worker.kill("the cluster was to stop now")
        return done

    def setPolicy(self, text: str, port: str | None = None) -> Deferred[None]:
        """
        Who serves new connections from now on.

        @see: L{Verbs.setPolicy}
        """
        wanted = self._scaling.count
        return maybeDeferred(self._choosing.setPolicy, text, port, wanted)

    def stop(self, progress: Progress) -> Deferred[None]:
        """
        End, as L{stopService} does.

        @param progress: Is told nothing that the log is not.
        @return: Fires when the workers are gone, and what is asked can still be answered.
        """
        ended: Deferred[None] = Deferred()
        self._ending.append(ended)
        self._beginStop()
        return ended

    def _beginStop(self) -> None:
        self.stopService()

    def whenGivenUp(self) -> Deferred[Sequence[str]]:
        """
        @return: Fires if no worker can start, with what the last one had to say, line by
            line; the service stops by itself then.
        """
        waiting: Deferred[Sequence[str]] = Deferred()
        self._waiting.append(waiting)
        return waiting

    @property
    def _isRunning(self) -> bool:
        return bool(self.running) and self._stopping is None

    def _load(self) -> Load:
        return loadOf(self._online(), self.rooms.door)

    def _checkEnough(self, count: int) -> None:
        listeners = self.rooms.listeners.byNumber.values()
        checkEnough(count, self._config, [one.policy for one in listeners])

    def _serving(self) -> tuple[set[int], int]:
        ready = {one.number for one in self._online() if one.state == "ready"}
        return ready, self._scaling.count

    def _checkStopped(self) -> None:
        if self._stopping is not None:
            raise ClusterError("the cluster is stopping: wait until it has stopped")

    def _newControl(self) -> Control | None:
        spec = self._config.control
        if spec is None:
            return None
        verbs, level = cast(Verbs, self), self._config.recipe.logLevel
        return Control(self.rooms.reactor, spec, verbs, level)

    def _hasEnded(self, _: None) -> Deferred[None]:
        ending, self._ending = self._ending, []
        for each in ending:
            each.callback(None)
        if self._control is None:
            return succeed(None)
        closed = maybeDeferred(self._control.close)
        return closed.addErrback(lambda why: log.failure("control socket", why))

    def _hasStopped(self, _: None) -> None:
        self._isBound = False
        stopping, self._stopping = self._stopping, None
        if stopping is not None:
            stopping.callback(None)

    def _newReloads(self, workers: Mapping[int, WorkerProcess]) -> Reloads:
        return Reloads(self.rooms.reactor, self.rooms, workers, self._hasReloaded)

    def _hasReloaded(self) -> None:
        self._releases.forgetAllBut(
            self.supervisor.generation, self.supervisor.reloads.current
        )

    def _newWorker(self, start: Start) -> WorkerProcess:
        config = self._config
        recipe = evolve(
            self._releases.of(start.generation),
            reactor=self._kind,
            weight=config.weights.get(start.slot, 1),
            group=config.groups.get(start.slot, ""),
            multiprocess=config.recipe.multiprocess or self._scaling.count > 1,
        )
        return WorkerProcess(self.rooms, start.slot, start.id, recipe, self.supervisor)

    def _online(self) -> Iterable[WorkerProcess]:
        return (one for one in self.supervisor.workers.values() if one.isOnline)

    def _allUp(self) -> None:
        listeners = self.rooms.listeners
        self._dropUnjoined()
        listeners.closeUnused()
        if not self._isAnnounced:
            self._isAnnounced = True
            self._announce()
        there = {one.facts.name for one in listeners.byNumber.values()}
        ports = {name.partition(":interface=")[0] for name in there}
        unknown = set(self._config.limits.listeners) - there - ports - self._complained
        # Once, and not each time that a worker has been replaced.
        self._complained |= unknown
        for name in sorted(unknown):
            log.warn(
                "--max-connections {name}: nobody listens there, but on {there}",
                name=name,
                there=", ".join(sorted(there)),
            )

    def _tellUnheeded(self) -> None:
        config = self._config
        groups = set(config.groups.values())
        for one in unheeded(
            config.newPolicy(), config.weights.values(), groups, config.limits
        ):
            log.warn("{one}", one=one)

    def _dropUnjoined(self) -> None:
        """
        Who connects where no worker listens is better refused than left to wait.
        """
        listeners = self.rooms.listeners
        there = [one.place for one in listeners.byNumber.values() if one.users]
        for listener in listeners.unjoined():
            log.warn(
                "--listen {name}: no worker listens there, {there}: it is closed",
                name=listener.place,
                there=f"but on {', '.join(there)}" if there else "nor anywhere else",
            )
            listener.keep = False

    def _announce(self) -> None:
        places = [one.place for one in self.rooms.listeners.byNumber.values()]
        log.info(
            "ready: {workers} {where}; pid {pid}; {seconds}",
            workers=several(self._scaling.count, "worker"),
            where=f"on {', '.join(places)}" if places else "on no port",
            pid=os.getpid(),
            seconds=duration(self.rooms.reactor.seconds() - self._since),
        )

    def _giveUp(self, lastWords: Sequence[str], tries: int) -> None:
        what = "no worker can start"
        if tries:
            what = f"{several(tries, 'worker')} of a slot did not stay, one after another"
        why = "\n".join(lastWords)
        log.critical("{what}, the cluster ends: {why}", what=what, why=why)
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.callback(lastWords)
        self.stopService()
