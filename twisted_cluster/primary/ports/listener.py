"""
One bound port, as the primary sees it.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, cast

from attrs import evolve

from twisted_cluster.core.member import Member
from twisted_cluster.core.messages import GROUP, HANDOFF, KERNEL, SHARED
from twisted_cluster.core.proc_net import Taken, hostOf
from twisted_cluster.core.users import Users
from twisted_cluster.events import TCP, UDP, UNIX, ListenerFacts, ListenSpec, SocketName
from twisted_cluster.interfaces import IGroupingPolicy, ILoyalPolicy, ISchedulingPolicy
from twisted_cluster.policies.round_robin import RoundRobin
from twisted_cluster.primary.ports.anew import bindAnew
from twisted_cluster.primary.ports.binding import Bound
from twisted_cluster.primary.ports.datagrams import DatagramReserve
from twisted_cluster.primary.ports.group import SocketGroup
from twisted_cluster.primary.ports.groups import makeGroup
from twisted_cluster.primary.ports.handshakes import areAny
from twisted_cluster.primary.ports.refusing import hasWaiting, refuse
from twisted_cluster.primary.ports.soundness import Soundness
from twisted_cluster.primary.ports.streams import StreamGroup
from twisted_cluster.wire.aside import aside
from twisted_cluster.wire.handed import Handed
from twisted_cluster.wire.handoff import nameOf
from twisted_cluster.wire.user import User, uidOf

# What the system gives at most, if it was not told otherwise.
GIVEN_BACKLOG = 4096


class Listener:
    """
    One bound port, the workers that serve it, and the policy that chooses among them.

    @ivar number: Counts the listeners of this primary, from 1.
    @ivar mode: One of L{twisted_cluster.core.messages.MODES}.
    @ivar keep: Whether to stay open with no users: the cluster itself was asked to
        listen here.
    @ivar group: The sockets of which each slot has one, if there are such.
    @ivar streams: These of a TCP port.
    @ivar peers: These of a UDP port, where a program chooses.
    @ivar opener: The id of the worker for which it was opened; 0 if it is none's.
    @ivar users: Workers which listen here.
    @ivar wasJoined: Whether any has ever listened here.
    @ivar holders: The ids of workers, users or not, whose copies of a socket would keep
        its address taken.
    @ivar given: The ids of workers that were sent its socket, or one of its group, and
        live: they may have it, whatever they say.
    @ivar suspects: Those one of whom has done harm to it, and who live; they are sent no
        other one.
    @ivar sound: Whether the socket is as it was, where workers have it.
    @ivar isOurs: Whether it is one that workers are to have, and none of them has it yet:
        this process accepts meanwhile, and hands over.
    @ivar isRefusing: Whether who connects is refused, and only those who have come are
        still to be accepted.
    @ivar isChanged: Whether any of its sockets is not as it was, so that who connects is
        refused.
    @ivar name: What C{getsockname} says.
    @ivar fileno: The socket's.
    """

    def __init__(
        self,
        number: int,
        spec: ListenSpec,
        bound: Bound,
        policy: ISchedulingPolicy | None,
        streams: StreamGroup | None = None,
        peers: DatagramReserve | None = None,
    ) -> None:
        """
        @param policy: L{None} to let the kernel choose.
        @param streams: Sockets that workers accept from.
        @param peers: Sockets that workers read.
        """
        self.number = number
        self.spec = spec
        self.bound = bound
        self.keep = False
        self.opener = 0
        self.socket = bound.socket
        self.fileno = bound.socket.fileno
        self.name = bound.socket.getsockname()
        self.facts = ListenerFacts(number, str(spec), self.name, nameOf)
        isOwn = spec.kind == UDP and policy is not None and spec.fd is None
        self.streams, self.peers = streams, peers
        self.group: SocketGroup | None = streams or peers
        if isOwn and peers is None:
            self.group = makeGroup(bound.socket, bound.user)
        self.mode = KERNEL if streams else GROUP if self.group else HANDOFF
        if policy is None or (spec.kind == UDP and self.group is None):
            self.mode = SHARED
        self.users: Users[Member] = Users(number)
        self.choose(policy if policy and spec.kind != UDP else RoundRobin())

        self.wasJoined = self.isRefusing = self.isChanged = False
        self.holders: set[int] = set()
        self.given: set[int] = set()
        self.suspects: set[int] = set()
        self.sound: Soundness | None = None
        self.isOurs = False
        self._know()
        # The address of a file is free as soon as that is gone, and what was bound by
        # somebody else is not to be bound again.
        self._isTakenByCopies = (
            self.mode != HANDOFF and bound.file is None and spec.fd is None
        )

    def choose(self, policy: ISchedulingPolicy) -> None:
        """
        This policy chooses from now on.
        """
        self.policy = policy
        self.users.suit(
            ILoyalPolicy.providedBy(policy), IGroupingPolicy.providedBy(policy)
        )

    def _know(self) -> None:
        if self.mode == SHARED:
            isGiven = self.spec.fd is not None
            backlog = GIVEN_BACKLOG if isGiven else self.bound.spec.backlog
            self.sound = Soundness(self.socket, backlog)

    def bindAnew(self) -> None:
        """
        Have another socket in the place of one that workers have broken.

        @raise OSError: If that cannot be now.
        """
        self.bound = bindAnew(self.bound, self.name)
        self.socket = self.bound.socket
        self.fileno = self.socket.fileno
        self.suspects |= self.given
        self.given.clear()
        self.isOurs = self.spec.kind != UDP
        self._know()

    @property
    def isAbandoned(self) -> bool:
        """
        Whether nobody is to listen here, and its address is free once it is closed.
        """
        return not (self.keep or self.users or self.holders)

    def join(self, member: Member) -> None:
        """
        A worker listens here, and is sent a socket.
        """
        self.wasJoined = True
        self.users.join(member)
        if self.mode != HANDOFF:
            self.given.add(member.id)
            self.isOurs = False
        if self._isTakenByCopies:
            self.holders.add(member.id)

    @property
    def place(self) -> str:
        """
        What was listened on, with the port's number also where any would do.
        """
        if self.spec.port or self.spec.kind == UNIX or self.spec.fd is not None:
            return self.facts.name
        return str(evolve(self.spec, port=self.name[1], name=""))

    @property
    def way(self) -> str:
        """
        How connections reach workers just now: C{mode}, but where the kernel could choose
        and does not.
        """
        isAside = self.streams is not None and not self.streams.isSteering
        return HANDOFF if isAside else self.mode

    @property
    def hasBacklog(self) -> bool:
        """
        Whether this process accepts its connections.
        """
        return self.mode in (HANDOFF, KERNEL) or self.isOurs

    def descriptorFor(self, member: Member) -> int:
        """
        The listening socket that one of the users is to have.
        """
        if self.group is None:
            return self.socket.fileno()
        return self.group.socketOf(member.number, member.id).fileno()

    @property
    def sockets(self) -> int:
        """
        How many descriptors it has; the directory of its file is one.
        """
        if self.group is not None:
            return self.group.descriptors
        return 1 if self.bound.folder is None else 2

    def isFor(self, user: User | None) -> bool:
        """
        Whether workers of that user may listen here: who was not given the port could
        not have another user's either.
        """
        return self.keep or uidOf(user) == uidOf(self.bound.user)

    def owns(self, other: os.stat_result) -> bool:
        """
        Whether a descriptor is one of this listener's sockets.

        @param other: What C{fstat} says of the descriptor.
        """
        return any(os.path.samestat(other, os.fstat(one.fileno())) for one in self._all)

    @property
    def _all(self) -> Sequence[socket.socket]:
        others = [] if self.group is None else self.group.sockets
        return others if self.mode == GROUP else [self.socket, *others]

    def isInTheWayOf(self, spec: ListenSpec) -> bool:
        """
        Whether nobody else can bind what is wanted, as long as this is open.
        """
        if spec.kind == UNIX or not isinstance(self.name, tuple):
            return False
        host, port = self.name[:2]
        taken = Taken(self.spec.kind, 0, hostOf(host), port)
        return taken.isInTheWayOf(spec)

    def withdraw(self, slot: int, worker: int | None = None) -> list[Handed]:
        """
        A worker has gone for good.

        @param worker: Its id; L{None} if nobody has been there for a while.
        @return: The socket that its slot had, for another to empty and close.
        """
        fd = self.group.remove(slot, worker) if self.group else None
        return [] if fd is None else [Handed(fd, self.number, "")]

    def forget(self, member: Member) -> None:
        """
        A worker has gone, and another one may take its place.
        """
        self.given.discard(member.id)
        self.suspects.discard(member.id)
        if self.group is not None:
            self.group.forget(member.number, member.id)

    def absent(self) -> list[int]:
        """
        Slots whose sockets are kept although none of their workers listens.
        """
        return self.group.unused if self.group else []

    @property
    def accept(self) -> Callable[[], tuple[int, SocketName]]:
        """
        Gives a descriptor and the peer's name, or raises what accept(2) says.
        """
        # Not its accept(), which makes a socket object that nobody needs: 2 us.
        one: Any = self.socket
        return cast("Callable[[], tuple[int, SocketName]]", one._accept)

    def refuse(self) -> None:
        """
        Let nobody connect any more, where the system can do that. A socket that was made
        by somebody else may outlive this process: nothing is changed about it.
        """
        if self.spec.kind == UDP or self.spec.fd is not None:
            return
        if self.streams is not None:
            # A program that chooses one that is hidden has who comes hear nothing.
            self.streams.end()
        # The anchor of a group is the first of all, and then the last that lets in.
        refused = [self._refuseBy(one) for one in reversed(self._all)]
        self.isRefusing = all(refused)
        self.isChanged = any(one is not False for one in refused)
        if not self.isRefusing and self.bound.file is not None:
            with suppress(OSError):
                self.bound.removeFile()
                self.isRefusing = True

    def _refuseBy(self, listening: socket.socket) -> bool | None:
        """
        @return: L{None} if another process keeps it locked: it may be done later.
        """
        with suppress(TimeoutError):
            refusing = partial(refuse, listening, self.hasBacklog)
            return aside(refusing, lambda isDone: None)
        return None

    @property
    def _areConnecting(self) -> bool:
        return isinstance(self.name, tuple) and areAny(self.socket, self.name[1])

    @property
    def isAwaited(self) -> bool:
        """
        Whether somebody waits for a worker to accept, or is about to connect still.
        """
        # First: they may be there by the time that one looks who waits.
        if self.isRefusing and self.spec.kind == TCP and self._areConnecting:
            return True
        if self.streams is not None:
            return bool(self.users) and self.streams.isAwaited()
        isTheirs = self.spec.kind != UDP and not self.hasBacklog
        return isTheirs and bool(self.users) and hasWaiting(self.socket)

    def close(self) -> None:
        """
        Close the port.
        """
        if self.group is not None:
            self.group.close()
        self.bound.release()
