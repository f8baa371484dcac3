"""
The cluster as a service: starts, serves, and ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.logger import Logger

from twisted_cluster.admin.control import Control
from twisted_cluster.core.snapshot import Snapshot
from twisted_cluster.core.verbs import Progress, Verbs
from twisted_cluster.errors import ClusterError
from twisted_cluster.primary.announcing import Announcing
from twisted_cluster.primary.assembly import Assembly
from twisted_cluster.primary.commands import Commands
from twisted_cluster.primary.config import ClusterConfig
from twisted_cluster.primary.stopping import Stopping
from twisted_cluster.reactors import IClusterReactor

log = Logger()


class ClusterService(Commands, Service):
    """
    Runs the primary's side: binds, starts workers, hands connections over. Signals and
    exit codes are the process's own. Once it has stopped it can be started again.

    @ivar rooms: What it consists of.
    @ivar supervisor: Has the workers.
    """

    def __init__(self, reactor: IClusterReactor, config: ClusterConfig) -> None:
        self._config = config
        self._isBound = False
        self._stopping: Deferred[None] | None = None
        self._waiting: list[Deferred[Sequence[str]]] = []
        # Who has asked for the end, and is told before the control socket is closed.
        self._ending: list[Deferred[None]] = []
        self._assembly = Assembly(reactor, config, self._allUp, self._giveUp)
        self.rooms = self._assembly.rooms
        self.supervisor = self._assembly.supervisor
        self._announcing = Announcing(config, self.rooms)
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
        try:
            for spec in self._config.listen:
                self.rooms.listeners.hold(spec)
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
        self._announcing.begin()
        self._assembly.begin()
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
            self._assembly.scaling.stop()
            self._assembly.readiness.rest()
            workers = self.supervisor.workers.values
            stopping = Stopping(
                self._assembly.pulse,
                workers,
                self.supervisor.stop,
                self._config.rules.stopDelay,
            )
            ended = stopping.run().addCallback(self._hasEnded)
            ended.addCallback(self._hasStopped)
        if self._stopping is None:
            done.callback(None)
        else:
            self._stopping.chainDeferred(done)
        return done

    def snapshot(self) -> Snapshot:
        """
        @return: What there is just now.
        """
        uptime = self._announcing.uptime if self.running else 0.0
        return self._assembly.snapshot(uptime, self._stopping is not None)

    def stopNow(self) -> Deferred[None]:
        """
        End at once: what is served is cut.

        @return: Fires when the workers are gone.
        """
        done = self.stopService()
        for worker in list(self.supervisor.workers.values()):
            worker.kill("the cluster was to stop now")
        return done

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
        self.rooms.templates.close()
        stopping, self._stopping = self._stopping, None
        if stopping is not None:
            stopping.callback(None)

    def _allUp(self) -> None:
        self._announcing.allUp(self._assembly.scaling.count)

    def _giveUp(self, lastWords: Sequence[str], tries: int) -> None:
        self._announcing.gaveUp(lastWords, tries)
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.callback(lastWords)
        self.stopService()
