"""
One bound port, as the primary sees it.
"""

from __future__ import annotations

import os
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

from twisted.internet.interfaces import IReactorFDSet, IReadDescriptor
from zope.interface import implementer

from twisted_cluster.core.messages import GROUP, HANDOFF, SHARED
from twisted_cluster.events import UDP, ListenerFacts, ListenSpec
from twisted_cluster.interfaces import ILookingPolicy, ILoyalPolicy, ISchedulingPolicy
from twisted_cluster.policies.round_robin import RoundRobin
from twisted_cluster.primary.door.peeker import Peeker
from twisted_cluster.primary.ports.binding import Bound
from twisted_cluster.primary.ports.groups import makeGroup
from twisted_cluster.wire.handoff import Handed, nameOf

if TYPE_CHECKING:
    from twisted_cluster.primary.door.dispatch import Dispatcher
    from twisted_cluster.primary.door.hands import WorkerHandle


BATCH = 32
# How many connections wait at a time for a policy that says "later".
WAITING = 1024


class Waiting(NamedTuple):
    """
    A connection that can go to nobody just now.

    @ivar connection: The connection.
    @ivar until: When it has waited long enough, in monotonic nanoseconds.
    @ivar first: Its first bytes, if they were looked at; L{None} if that is to be done.
    """

    connection: Handed
    until: int
    first: bytes | None = None


@implementer(IReadDescriptor)
class Listener:
    """
    One bound port, the workers that serve it, and the policy that chooses among them.

    @ivar mode: One of L{twisted_cluster.core.messages.MODES}.
    @ivar held: Connections that were accepted and can go to nobody just now; of a
        group, sockets whose worker has left.
    @ivar isLoyal: Whether a client of it has a worker of its own.
    @ivar peeker: What waits for first bytes, if the policy wants any.
    @ivar most: How many connections it may have, in all workers together.
    @ivar users: Workers which listen here, by number; L{None} for one that has paused.
    @ivar burst: How many connections to expect at once.
    @ivar keep: Whether to stay open with no users: the cluster itself was asked to
        listen here.
    @ivar metered: Whether a worker has ever said how much it is willing to take.
    @ivar name: What C{getsockname} says.
    """

    def __init__(
        self,
        number: int,
        spec: ListenSpec,
        bound: Bound,
        policy: ISchedulingPolicy | None,
    ) -> None:
        """
        @param policy: L{None} to let the kernel choose.
        """
        self.number = number
        self.spec = spec
        self.keep = False
        self.burst = 1
        self.users: dict[int, WorkerHandle | None] = {}
        self.held: deque[Waiting] = deque()
        self.metered = False
        self.socket = bound.socket
        self.fileno = bound.socket.fileno
        self.name = bound.socket.getsockname()
        self.facts = ListenerFacts(number, str(spec), self.name, nameOf)
        self.reading = False
        isOwn = spec.kind == UDP and policy is not None and spec.fd is None
        self.group = makeGroup(bound.socket) if isOwn else None
        self.mode = GROUP if self.group else HANDOFF
        if policy is None or (spec.kind == UDP and self.group is None):
            self.mode = SHARED
        self.policy = policy if policy and self.mode == HANDOFF else RoundRobin()
        self.hasBacklog = self.mode == HANDOFF
        self.isLoyal = ILoyalPolicy.providedBy(self.policy)
        self.look = self.policy.look if ILookingPolicy.providedBy(self.policy) else None
        self.peeker: Peeker | None = None
        self.most: int | None = None
        self._release = bound.release
        self._ready: list[WorkerHandle] = []
        self._readyAt = -1
        self.dispatcher: Dispatcher | None = None
        self.choose: Any = self.policy.choose

    def ready(self, version: int) -> list[WorkerHandle]:
        """
        @param version: Changes whenever a worker's state does.
        @return: The workers that can take a connection, by number.
        """
        if version != self._readyAt:
            self._readyAt = version
            users = sorted(self.users.items())
            if self.isLoyal:
                self._ready = [w for _, w in users if w is not None and w.reachable]
            else:
                able = [w for _, w in users if w is not None and w.offerable]
                self._ready = [w for w in able if not w.stalled] or able
            if self.metered:
                self._ready = [w for w in self._ready if w.mayTakeFrom(self.number)]
        return self._ready

    def recount(self) -> None:
        """
        A worker has been given all that it is willing to take.
        """
        self._readyAt = -1

    def descriptorFor(self, worker: WorkerHandle) -> int:
        """
        The listening socket that one of the users is to have.
        """
        one = self.group.socketOf(worker.number) if self.group else self.socket
        return one.fileno()

    def owns(self, other: os.stat_result) -> bool:
        """
        Whether a descriptor is one of this listener's sockets.

        @param other: What C{fstat} says of the descriptor.
        """
        ours = self.group.sockets if self.group else [self.socket]
        return any(os.path.samestat(other, os.fstat(one.fileno())) for one in ours)

    def withdraw(self, number: int) -> list[Handed]:
        """
        A worker has gone for good.

        @return: The socket that it had for itself, for another to empty and close.
        """
        fd = self.group.remove(number) if self.group else None
        return [] if fd is None else [Handed(fd, self.number, "", 0)]

    def absent(self) -> list[int]:
        """
        The numbers of workers whose sockets are kept although they do not listen.
        """
        members = self.group.members if self.group else {}
        return [number for number in members if number not in self.users]

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

    def overdue(self, now: int) -> list[Handed]:
        """
        Give up what has waited too long.

        @param now: Monotonic nanoseconds.
        @return: Connections, to be closed.
        """
        late = [one.connection for one in self.held if one.until <= now]
        if late:
            self.held = deque(one for one in self.held if one.until > now)
        return late

    @property
    def waiting(self) -> int:
        """
        How many connections are accepted, and not handed over.
        """
        return len(self.held) + (self.peeker.pending if self.peeker else 0)

    @property
    def hasPlace(self) -> bool:
        """
        Whether one more connection may wait here.
        """
        return len(self.held) < WAITING

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
            os.close(self.held.popleft().connection.fd)
        if self.peeker is not None:
            self.peeker.close()
        if self.group is not None:
            self.group.close()
        self._release()
