"""
Accepted connection -> policy -> handoff queue.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

from twisted.internet.interfaces import IReactorFDSet
from twisted.logger import Logger

from twisted_cluster.events import ConnectionFacts
from twisted_cluster.interfaces import ISchedulingPolicy
from twisted_cluster.policies.round_robin import RoundRobin
from twisted_cluster.primary.listeners import BATCH, Listener
from twisted_cluster.primary.worker_handle import WorkerHandle
from twisted_cluster.wire.handoff import Handed

log = Logger()
BOUNCES = 3
COMPLAIN_EVERY = 60_000_000_000


class Dispatcher:
    """
    Gives every connection to a worker that can take it, or leaves it in the kernel.

    Undelivered connections are few per worker; a worker whose heartbeat is stale is
    not offered any, and what it has not taken is taken back as soon as another can
    have it; when nobody can take more, nothing more is accepted.
    """

    def __init__(
        self,
        reactor: IReactorFDSet,
        newPolicy: Callable[[], ISchedulingPolicy | None],
        nanoseconds: Callable[[], int],
    ) -> None:
        """
        @param newPolicy: Makes one listener's policy; L{None} lets the kernel choose.
        @param nanoseconds: The monotonic clock.
        """
        self.newPolicy = newPolicy
        self._reactor = reactor
        self._now = nanoseconds
        self._version = 0
        self._listeners: dict[int, Listener] = {}
        self._workers: list[WorkerHandle] = []
        self._full: set[WorkerHandle] = set()
        self._touched: set[WorkerHandle] = set()
        self._fallback = RoundRobin()
        self._complained = -COMPLAIN_EVERY

    def addWorker(self, worker: WorkerHandle) -> None:
        """
        A worker may be offered connections, once its heart beats.
        """
        self._workers.append(worker)
        self.look()

    def removeWorker(self, worker: WorkerHandle) -> None:
        """
        A worker is to be given nothing more. What it has not taken stays with it.
        """
        worker.open = False
        self._full.discard(worker)
        if worker in self._workers:
            self._workers.remove(worker)
        self.changed()

    def addListener(self, listener: Listener) -> None:
        """
        Watch a port.
        """
        listener.dispatcher = self
        self._listeners[listener.number] = listener

    def removeListener(self, listener: Listener) -> None:
        """
        Stop watching a port.
        """
        listener.watch(self._reactor, False)
        self._listeners.pop(listener.number, None)

    def acceptFrom(self, listener: Listener) -> bool:
        """
        Accept what waits, while somebody can take it, and hand it over.

        @return: Whether there may be more.
        """
        self._recheckFull()
        # As many as came last time, so that accept() seldom has to say that there are
        # no more; the reactor asks again.
        limit = burst = listener.burst
        while limit and listener.ready(self._version) and not listener.held:
            try:
                connection = listener.accept()
            except BlockingIOError:
                break
            except OSError as error:
                # EMFILE and its like: what waits stays in the backlog, and the
                # next look begins again.
                log.error("{port}: {error}", port=listener.facts.name, error=error)
                listener.watch(self._reactor, False)
                break
            self._route(listener, connection)
            limit -= 1
        self._flush()
        if listener.held or not listener.ready(self._version):
            self.changed()
        listener.burst = max(1, burst - limit) if limit else min(BATCH, burst * 2)
        return limit == 0

    def redirect(self, connections: Iterable[Handed]) -> None:
        """
        Find other workers for connections that came back.
        """
        for connection in connections:
            listener = self._listeners.get(connection.listener)
            if listener is None or connection.bounces > BOUNCES:
                os.close(connection.fd)
            else:
                listener.held.append(connection)
        self.changed()

    def look(self) -> None:
        """
        Look at every worker's heartbeat; to be called some 20 times a second.
        """
        now = self._now()
        stalled = []
        for worker in self._workers:
            worker.fresh = worker.isAlive(now)
            if worker.reconcile() and not worker.fresh:
                stalled.append(worker)
            if not worker.hasRoom():
                self._full.add(worker)
        if any(worker.offerable for worker in self._workers):
            for worker in stalled:
                self.redirect(worker.takeBack())
        self.changed()

    def changed(self) -> None:
        """
        Something about a worker has changed: give it what is held, accept or pause.
        """
        self._recheckFull()
        self._version += 1
        for listener in list(self._listeners.values()):
            self._serveHeld(listener)
            able = bool(listener.ready(self._version)) and not listener.held
            listener.watch(self._reactor, able)
        self._askForRoom()

    def drainBacklogs(self) -> bool:
        """
        Hand over what the kernel has queued already, before the ports are closed.

        @return: Whether that is all: L{False} if workers have no room for more now.
        """
        for listener in list(self._listeners.values()):
            while listener.reading and self.acceptFrom(listener):
                pass
        return all(
            listener.reading or not listener.hasBacklog or not listener.users
            for listener in self._listeners.values()
        )

    def _serveHeld(self, listener: Listener) -> None:
        for _ in range(len(listener.held)):
            if not listener.ready(self._version):
                break
            self._route(listener, listener.held.popleft())
        self._flush()

    def _route(self, listener: Listener, connection: Handed) -> None:
        ready = listener.ready(self._version)
        facts = ConnectionFacts(listener.facts, connection.name)
        try:
            chosen = listener.policy.choose(facts, ready)
            if chosen is None:
                listener.held.append(connection)
                return
            if chosen not in ready:
                raise ValueError(f"chose {chosen!r}, which is not among the ready")
        except Exception:
            self._complain(listener)
            chosen = self._fallback.choose(facts, ready)
        assert isinstance(chosen, WorkerHandle)
        self._touched.add(chosen)
        if not chosen.add(listener, connection):
            self._full.add(chosen)
            self._version += 1

    def _flush(self) -> None:
        for worker in self._touched:
            refused = worker.flush()
            if refused:
                self._full.add(worker)
                self._version += 1
                for listener, connection in refused:
                    listener.held.append(connection)
        self._touched.clear()

    def _recheckFull(self) -> None:
        for worker in [worker for worker in self._full if worker.hasRoom()]:
            self._full.discard(worker)
            worker.row.waiting = 0
            self._version += 1

    def _askForRoom(self) -> None:
        # Who sets the flag looks again: the worker takes first and then reads it.
        if not all(listener.reading for listener in self._listeners.values()):
            for worker in self._full:
                worker.row.waiting = 1

    def _complain(self, listener: Listener) -> None:
        if self._now() - self._complained >= COMPLAIN_EVERY:
            self._complained = self._now()
            log.failure(
                "policy {policy} failed; its connections go round robin",
                policy=listener.policy,
            )
