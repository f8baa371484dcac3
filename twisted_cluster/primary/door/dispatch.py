"""
Accepted connection -> policy -> handoff queue.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from twisted.logger import Logger

from twisted_cluster.events import NO_LIMITS, ConnectionFacts, Limits
from twisted_cluster.interfaces import ISchedulingPolicy
from twisted_cluster.primary.door.admission import Admission, mostOf
from twisted_cluster.primary.door.chooser import chooser
from twisted_cluster.primary.door.hands import WorkerHandle
from twisted_cluster.primary.door.peeker import Peeker, peek
from twisted_cluster.primary.door.relief import Relief
from twisted_cluster.primary.ports.listener import BATCH, Listener, Waiting
from twisted_cluster.wire.handoff import Handed

log = Logger()
BOUNCES = 3
LONGEST_WAIT = 30_000_000_000
# How many that wait are chosen for in vain at a time.
TRIES = 16


class Dispatcher:
    """
    Gives every connection to a worker that can take it, or leaves it in the kernel.

    Undelivered connections are few per worker; a worker whose heartbeat is stale is
    not offered any, nor one that does not take what it was handed, as long as there are
    others; what it has not taken is taken back as soon as another can have it; when
    nobody can take more, nothing more is accepted. A loyal policy's connections stay
    with a worker until it is gone.
    """

    def __init__(
        self,
        reactor: Any,
        newPolicy: Callable[[], ISchedulingPolicy | None],
        nanoseconds: Callable[[], int],
        limits: Limits = NO_LIMITS,
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
        self._relief = Relief(reactor, self._workers, self._takeBack, self.changed)
        self._admission = Admission(limits, nanoseconds, reactor)
        self._isLimited = limits.any

    def addWorker(self, worker: WorkerHandle) -> None:
        """
        A worker may be offered connections, once its heart beats.
        """
        self._workers.append(worker)
        if worker.tally is not None:
            self._admission.tallies.add(worker.tally)
        self.look()

    def removeWorker(self, worker: WorkerHandle) -> None:
        """
        A worker is to be given nothing more. What it has not taken stays with it.
        """
        worker.open = worker.reachable = False
        self._full.discard(worker)
        if worker in self._workers:
            self._workers.remove(worker)
        self.changed()

    def forgetWorker(self, worker: WorkerHandle) -> None:
        """
        A worker is gone, and with it what it served.
        """
        if worker.tally is not None:
            self._admission.tallies.discard(worker.tally)
        self.removeWorker(worker)

    def addListener(self, listener: Listener) -> None:
        """
        Watch a port.
        """
        listener.dispatcher = self
        listener.choose = chooser(listener.policy, self._now)
        listener.most = mostOf(self._admission.limits, listener.facts.name)
        if listener.look is not None:
            self._beginToLook(listener)
        self._listeners[listener.number] = listener

    def _beginToLook(self, listener: Listener) -> None:
        def decide(connection: Handed, first: bytes) -> None:
            self._route(listener, connection, first)
            self._flush()

        policy: Any = listener.policy
        listener.peeker = Peeker(policy.look, policy.enough, decide, self._now)
        listener.peeker.countAddresses = self._admission.limits.address is not None
        listener.peeker.attach(self._reactor)

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
        isPlain = listener.peeker is None and not self._isLimited
        while limit:
            ready = listener.ready(self._version)
            give = None
            if not isPlain or not ready:
                give = self._wayFor(listener)
                if give is None:
                    break
            try:
                connection = listener.accept()
            except BlockingIOError:
                break
            except OSError as error:
                # EMFILE and its like: what waits stays in the backlog, and the
                # next look begins again.
                self._admission.say(listener.facts.name, f"cannot accept: {error}")
                listener.watch(self._reactor, False)
                break
            if give is None:
                self._give(listener, connection, ready)
            else:
                give(listener, connection)
            limit -= 1
        refused = self._flush()
        if refused or not self._canGive(listener):
            # Others go first when there is room again.
            if self._listeners.pop(listener.number, None) is listener:
                self._listeners[listener.number] = listener
            self.changed()
        listener.burst = max(1, burst - limit) if limit else min(BATCH, burst * 2)
        return limit == 0

    def _wayFor(self, listener: Listener) -> Callable[[Listener, Handed], None] | None:
        """
        @return: What is to be done with the next connection; L{None}: leave it.
        """
        if self._canGive(listener):
            return self._route if listener.peeker is None else self._lookAt
        if self._isLimited and self._admission.turnsAway(listener):
            return self._admission.turnAway
        return None

    def redirect(self, connections: Iterable[Handed]) -> None:
        """
        Find other workers for connections that came back.
        """
        for connection in connections:
            listener = self._listeners.get(connection.listener)
            if listener is None or connection.bounces > BOUNCES:
                os.close(connection.fd)
            else:
                self._hold(listener, connection)
        self.changed()

    def look(self) -> None:
        """
        Look at every worker's heartbeat; to be called some 20 times a second.
        """
        now = self._now()
        behind = []
        for worker in self._workers:
            worker.lookAt(now)
            if worker.reconcile() and not worker.fresh:
                behind.append(worker)
            if not worker.hasRoom():
                self._full.add(worker)
        self._relief.give(behind)
        for listener in self._listeners.values():
            self._dismiss(listener, now)
        self.changed()

    def _takeBack(self, worker: WorkerHandle, spare: int) -> None:
        """
        @param spare: For how many connections others have room. The rest, and what is
            loyal to this worker, stays with it.
        """
        if worker.reachable and all(one.isLoyal for one in self._ports()):
            return
        moving: list[Handed] = []
        for count, connection in enumerate(list(worker.takeBack()), 1):
            listener = self._listeners.get(connection.listener)
            isLoyal = listener is not None and listener.isLoyal and worker.reachable
            if listener is not None and (isLoyal or len(moving) >= spare):
                worker.add(listener, connection)
                self._touched.add(worker)
            else:
                moving.append(connection)
            if count % BATCH == 0:
                self._flush()
        self._flush()
        self.redirect(moving)

    def _dismiss(self, listener: Listener, now: int) -> None:
        """
        Close what has waited too long.
        """
        late = listener.overdue(now)
        for connection in late:
            self._admission.turnAway(listener, connection)
        if late:
            what = "connections are closed that have waited 30 s for a worker"
            self._admission.say(listener.facts.name, what)

    def changed(self) -> None:
        """
        Something about a worker has changed: give it what is held, accept or pause.
        """
        self._recheckFull()
        self._version += 1
        for listener in list(self._listeners.values()):
            self._serveHeld(listener)
            listener.watch(self._reactor, self._wayFor(listener) is not None)
        self._askForRoom()

    def drainBacklogs(self) -> bool:
        """
        Hand over what the kernel has queued already, before the ports are closed.

        @return: Whether that is all: L{False} if workers have no room for more now.
        """
        for listener in list(self._listeners.values()):
            while listener.reading and self.acceptFrom(listener):
                pass
            if listener.peeker is not None:
                listener.peeker.settleAll()
        return all(
            not listener.users
            or not listener.hasBacklog
            or (listener.reading and not listener.held)
            for listener in self._listeners.values()
        )

    def _serveHeld(self, listener: Listener) -> None:
        failures = 0
        for count in range(len(listener.held)):
            if failures == TRIES or not listener.ready(self._version):
                break
            waiting = listener.held.popleft()
            left = len(listener.held)
            self._route(listener, waiting.connection, waiting.first, waiting.until)
            failures += len(listener.held) > left
            if count % BATCH == BATCH - 1:
                self._flush()
        self._flush()

    def _lookAt(self, listener: Listener, connection: Handed) -> None:
        assert listener.peeker is not None
        if self._admission.isCrowded(listener, connection):
            self._admission.turnAway(listener, connection)
        else:
            listener.peeker.take(connection)

    def _hold(
        self,
        listener: Listener,
        connection: Handed,
        until: int | None = None,
        first: bytes | None = None,
    ) -> None:
        if until is None:
            until = self._now() + LONGEST_WAIT
        listener.held.append(Waiting(connection, until, first))

    def _route(
        self,
        listener: Listener,
        connection: Handed,
        first: bytes | None = b"",
        until: int | None = None,
    ) -> None:
        """
        @param first: Its first bytes; L{None} to look again.
        @param until: When it has waited long enough, if it has waited already.
        """
        if first is None:
            first = peek(connection.fd, listener.look.limit) if listener.look else b""
        if self._isLimited:
            registered = self._admission.register(connection)
            if registered is None:
                self._admission.turnAway(listener, connection)
                return
            connection = registered
        ready = listener.ready(self._version)
        if ready:
            self._give(listener, connection, ready, first, until)
        else:
            self._hold(listener, connection, until, first)

    def _give(
        self,
        listener: Listener,
        connection: Handed,
        ready: Sequence[WorkerHandle],
        first: bytes = b"",
        until: int | None = None,
    ) -> None:
        """
        Have the policy choose.

        @param ready: Not empty.
        """
        facts = ConnectionFacts(listener.facts, connection.name, first, connection.fd)
        chosen = listener.choose(facts, ready)
        if chosen is None or (listener.isLoyal and chosen.hasMost):
            if until is None and not self._admission.mayWait(listener):
                self._admission.turnAway(listener, connection)
            else:
                self._hold(listener, connection, until, first)
            return
        self._touched.add(chosen)
        if not chosen.add(listener, connection):
            self._full.add(chosen)
            self._version += 1

    def _flush(self) -> bool:
        """
        @return: Whether something could not be handed over.
        """
        if not self._touched:
            return False
        anyRefused = False
        for worker in self._touched:
            refused = worker.flush()
            if refused:
                anyRefused = True
                self._full.add(worker)
                self._version += 1
                for listener, connection in refused:
                    self._hold(listener, connection)
        self._touched.clear()
        self._relief.watch()
        return anyRefused

    def _canGive(self, listener: Listener) -> bool:
        ready = listener.ready(self._version)
        if not self._isLimited or not ready:
            return bool(ready)
        if listener.isLoyal and all(worker.hasMost for worker in ready):
            return False
        return not self._admission.isFull(listener)

    def _ports(self) -> list[Listener]:
        """
        The listeners whose connections this process accepts.
        """
        return [one for one in self._listeners.values() if one.hasBacklog]

    def _recheckFull(self) -> None:
        for worker in [worker for worker in self._full if worker.hasRoom()]:
            self._full.discard(worker)
            worker.row.waiting = 0
            self._version += 1

    def _askForRoom(self) -> None:
        # Who sets the flag looks again: the worker takes first and then reads it.
        waits = not all(one.reading for one in self._ports())
        if self._isLimited:
            for worker in self._workers:
                worker.row.waiting = int(waits)
        elif waits:
            for worker in self._full:
                worker.row.waiting = 1

    def rest(self) -> None:
        """
        There are no workers: look for nothing.
        """
        self._relief.rest()
        self._admission.farewells.close()
