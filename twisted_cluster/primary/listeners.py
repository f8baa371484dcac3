"""
The listeners: who asked for which port; bind, hold, share, close.
"""

from __future__ import annotations

import errno
import os
import socket
from collections import deque
from typing import TYPE_CHECKING

from attrs import evolve
from twisted.internet.interfaces import IReactorFDSet, IReadDescriptor
from twisted.logger import Logger
from zope.interface import implementer

from twisted_cluster.core.messages import Listen
from twisted_cluster.events import UDP, UNIX, ListenerFacts, ListenSpec
from twisted_cluster.interfaces import ISchedulingPolicy
from twisted_cluster.primary.binding import Bound, bind
from twisted_cluster.wire.handoff import Handed

if TYPE_CHECKING:
    from twisted_cluster.primary.dispatch import Dispatcher
    from twisted_cluster.primary.worker_handle import WorkerHandle

log = Logger()
BATCH = 32
BUSY = errno.EADDRINUSE


@implementer(IReadDescriptor)
class Listener:
    """
    One bound port, the workers that serve it, and the policy that chooses among them.

    @ivar held: Connections that were accepted and can go to nobody just now.
    @ivar users: Workers which listen here, by number; L{None} for one that has paused.
    @ivar burst: How many connections to expect at once.
    @ivar keep: Whether to stay open with no users: the cluster itself was asked to
        listen here.
    """

    def __init__(
        self, number: int, spec: ListenSpec, bound: Bound, policy: ISchedulingPolicy
    ) -> None:
        self.number = number
        self.spec = spec
        self.keep = False
        self.burst = 1
        self.users: dict[int, WorkerHandle | None] = {}
        self.held: deque[Handed] = deque()
        self.policy = policy
        self.socket = bound.socket
        self.fileno = bound.socket.fileno
        self.facts = ListenerFacts(number, str(spec))
        self.reading = False
        self.hasBacklog = spec.kind != UDP
        self._release = bound.release
        self._ready: list[WorkerHandle] = []
        self._readyAt = -1
        self.dispatcher: Dispatcher | None = None

    def ready(self, version: int) -> list[WorkerHandle]:
        """
        @param version: Changes whenever a worker's state does.
        @return: The workers that can take a connection, by number.
        """
        if version != self._readyAt:
            self._readyAt = version
            users = sorted(self.users.items())
            self._ready = [w for _, w in users if w is not None and w.offerable]
        return self._ready

    def accept(self) -> Handed:
        """
        @raise OSError: As accept(2) says.
        """
        # Not accept(), which makes a socket object that nobody needs: 2 us.
        fd, name = self.socket._accept()  # type: ignore[attr-defined]
        return Handed(fd, self.number, name, 0)

    def doRead(self) -> None:
        """
        The reactor says that connections wait.
        """
        assert self.dispatcher is not None
        self.dispatcher.acceptFrom(self)

    def connectionLost(self, reason: object) -> None:
        """
        The reactor says that the socket is broken, or that it is shutting down.
        """

    def logPrefix(self) -> str:
        return self.facts.name

    def watch(self, reactor: IReactorFDSet, wanted: bool) -> None:
        """
        Accept, or leave connections in the kernel's backlog.
        """
        if wanted != self.reading and self.hasBacklog:
            self.reading = wanted
            (reactor.addReader if wanted else reactor.removeReader)(self)

    def close(self) -> None:
        """
        Close the port, with the connections that nobody could be given.
        """
        while self.held:
            os.close(self.held.popleft().fd)
        self._release()


class ListenerTable:
    """
    Every listener of the cluster, by what was asked for.
    """

    def __init__(self, dispatcher: Dispatcher, backlog: int = 0) -> None:
        """
        @param backlog: The least backlog of a listener.
        """
        self._dispatcher = dispatcher
        self._backlog = backlog
        self._byKey: dict[tuple[ListenSpec, int], Listener] = {}
        self.byNumber: dict[int, Listener] = {}
        self._count = 0

    def hold(self, spec: ListenSpec) -> Listener:
        """
        Bind a port for the cluster itself; it stays bound until L{closeAll}.

        @raise OSError: As bind(2) says.
        """
        ordinal = 0
        while spec.port == 0 and self._key(spec, ordinal, ".") in self._byKey:
            ordinal += 1
        listener = self._find(spec, ordinal, ".")
        listener.keep = True
        return listener

    def join(self, worker: WorkerHandle, question: Listen) -> Listener:
        """
        A worker listens.

        @raise OSError: EADDRINUSE if this worker listens there already, or as
            bind(2) says.
        """
        key = self._key(question.spec, question.ordinal, question.directory)
        known = self._byKey.get(key)
        if known is not None and worker.number in known.users:
            raise OSError(BUSY, os.strerror(BUSY))
        listener = self._find(question.spec, question.ordinal, question.directory)
        listener.users[worker.number] = worker
        self._dispatcher.changed()
        return listener

    def leave(self, worker: WorkerHandle, number: int) -> None:
        """
        A worker no longer listens; the last one out closes the port.
        """
        listener = self.byNumber.get(number)
        if listener is None or listener.users.pop(worker.number, self) is self:
            return
        if not listener.users and not listener.keep:
            self._close(listener)
        self._dispatcher.changed()

    def pause(self, worker: WorkerHandle, number: int, paused: bool) -> None:
        """
        A worker takes nothing from a listener for now, or takes it again.
        """
        listener = self.byNumber.get(number)
        if listener is not None and worker.number in listener.users:
            listener.users[worker.number] = None if paused else worker
            self._dispatcher.changed()

    def forget(self, worker: WorkerHandle) -> None:
        """
        A worker is gone. Its ports stay bound, for the one that replaces it.
        """
        for listener in self.byNumber.values():
            listener.users.pop(worker.number, None)
        self._dispatcher.changed()

    def closeUnused(self) -> None:
        """
        Every worker is up: a port that none of them listens on is not coming back.
        """
        for listener in list(self.byNumber.values()):
            if not listener.users and not listener.keep:
                self._close(listener)

    def closeAll(self) -> None:
        """
        The cluster ends.
        """
        for listener in list(self.byNumber.values()):
            self._close(listener)

    def _key(
        self, spec: ListenSpec, ordinal: int, directory: str
    ) -> tuple[ListenSpec, int]:
        if spec.kind == UNIX and not spec.path.startswith("\0"):
            full = os.path.normpath(os.path.join(os.path.abspath(directory), spec.path))
            spec = evolve(spec, path=full)
        if spec.interface == "0.0.0.0":
            spec = evolve(spec, interface="")
        return spec, ordinal if spec.port == 0 and spec.kind != UNIX else 0

    def _find(self, spec: ListenSpec, ordinal: int, directory: str) -> Listener:
        key = self._key(spec, ordinal, directory)
        if key not in self._byKey:
            asked = evolve(spec, backlog=max(spec.backlog, self._backlog))
            bound = bind(asked, directory)
            self._count += 1
            listener = Listener(self._count, spec, bound, self._dispatcher.newPolicy())
            self._byKey[key] = self.byNumber[listener.number] = listener
            self._dispatcher.addListener(listener)
            log.info(
                "listening on {spec} ({name})", spec=spec, name=_nameOf(bound.socket)
            )
        return self._byKey[key]

    def _close(self, listener: Listener) -> None:
        self._byKey = {k: v for k, v in self._byKey.items() if v is not listener}
        del self.byNumber[listener.number]
        self._dispatcher.removeListener(listener)
        listener.close()


def _nameOf(bound: socket.socket) -> str:
    name = bound.getsockname()
    return f"{name[0]} port {name[1]}" if isinstance(name, tuple) else repr(name)
