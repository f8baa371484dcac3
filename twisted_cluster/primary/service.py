"""
The cluster as a service: wires the parts together, decides nothing.
"""

from __future__ import annotations

import atexit
import os
import resource
import sys
from typing import Any

from attrs import evolve
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from twisted_cluster.errors import StartError
from twisted_cluster.primary.config import ClusterConfig
from twisted_cluster.primary.ground import Ground
from twisted_cluster.primary.lives.supervisor import Supervisor
from twisted_cluster.primary.lives.worker_process import WorkerProcess

log = Logger()


class ClusterService(Service):
    """
    Runs the primary's side: binds, starts workers, hands connections over.
    """

    name = "cluster"

    def __init__(self, reactor: Any, config: ClusterConfig) -> None:
        self._reactor = reactor
        self._config = config
        self._bound = False
        self._count = 0
        self.ground = Ground(
            reactor,
            config.newPolicy,
            config.workers,
            config.backlog,
            limits=config.limits,
        )
        self.listeners = self.ground.listeners
        self.supervisor = Supervisor(
            reactor,
            config.workers,
            self._newWorker,
            self._allUp,
            self._giveUp,
        )

    def privilegedStartService(self) -> None:
        """
        Bind the ports, while we may.

        @raise StartError: If one cannot be bound; none stays bound.
        """
        self._bound = True
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        for spec in self._config.listen:
            try:
                self.listeners.hold(spec)
            except OSError as error:
                self.listeners.closeAll()
                raise StartError(
                    f"twistd cluster: cannot listen on {spec}: {error.strerror or error}"
                ) from None

    def startService(self) -> None:
        """
        Start the workers.
        """
        if not self._bound:
            self.privilegedStartService()
        super().startService()
        self.ground.start()
        self.supervisor.start()

    def stopService(self) -> Deferred[None]:
        """
        Hand over what has come in, stop listening, let workers finish, and end.
        """
        super().stopService()
        supervisor = self.supervisor
        stopping = self.ground.stop(lambda: supervisor.workers, supervisor.stop)
        return Deferred.fromCoroutine(stopping)

    def _newWorker(self, number: int) -> WorkerProcess:
        self._count += 1
        config = self._config
        recipe = evolve(
            config.recipe,
            weight=config.weights.get(number, 1),
            group=config.groups.get(number, ""),
        )
        return WorkerProcess(self.ground, number, self._count, recipe, self.supervisor)

    def _allUp(self) -> None:
        self.listeners.closeUnused()
        there = {one.facts.name for one in self.listeners.byNumber.values()}
        ports = {name.partition(":interface=")[0] for name in there}
        for name in sorted(set(self._config.limits.listeners) - there - ports):
            log.warn(
                "--max-connections {name}: nobody listens there, but on {there}",
                name=name,
                there=", ".join(sorted(there)),
            )

    def _giveUp(self, worker: WorkerProcess) -> None:
        """
        No worker can start: say why, once, and exit with 1.
        """
        tail = list(worker.output.tail)
        why = "\n".join(tail) or "twistd cluster: the worker said nothing"
        log.critical("workers cannot start: the cluster ends")
        if _isNothing(2):
            worker.output.release()
        else:
            sys.__stderr__.write(why + "\n")  # type: ignore[union-attr]
        atexit.register(_exitWithFailure)
        self._reactor.callWhenRunning(self._reactor.stop)


def _isNothing(fd: int) -> bool:
    """
    Whether a descriptor is /dev/null, as a daemon's are.
    """
    try:
        return os.fstat(fd).st_rdev == os.stat(os.devnull).st_rdev
    except OSError:
        return True


def _exitWithFailure() -> None:
    # twistd exits with 0 whenever its reactor stops, and offers no other way.
    for stream in (sys.__stdout__, sys.__stderr__):
        if stream is not None:
            stream.flush()
    os._exit(1)
