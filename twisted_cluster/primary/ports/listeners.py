"""
All bound ports: which of them is meant; opening and closing.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Container
from typing import Protocol

from attrs import evolve
from twisted.logger import Logger

from twisted_cluster.events import HANDOFF, UNIX, Dispatch, ListenSpec
from twisted_cluster.interfaces import IKernelPolicy, ISchedulingPolicy
from twisted_cluster.primary.ports.binding import Bound, adopt, bind
from twisted_cluster.primary.ports.dispatching import Dispatching
from twisted_cluster.primary.ports.keys import Key, isNth, keyOf
from twisted_cluster.primary.ports.late import Binding, mayBeLate
from twisted_cluster.primary.ports.listener import Listener
from twisted_cluster.primary.ports.loads import Loads
from twisted_cluster.primary.ports.programs import readsLoads
from twisted_cluster.primary.ports.streams import StreamGroup
from twisted_cluster.primary.ports.takers import Takers
from twisted_cluster.wire.limit import shareOf
from twisted_cluster.wire.page import LISTENERS
from twisted_cluster.wire.user import User, acting

log = Logger()
BUSY = errno.EADDRINUSE
LIMITED = "a worker limits its connections there"
GIVE = "give it to cluster.setupPrimary(listen=...)"
# More than any application has; all of them are looked at whenever anything changes.
MOST_PORTS = 4096
HANDED_OVER = Dispatching(Dispatch(HANDOFF))


def mostPorts() -> int:
    """
    How many sockets of ports there may be: half of the descriptors are for others.
    """
    return shareOf(2, MOST_PORTS)


def mostOfOne() -> int:
    """
    How many of these one worker may have opened that nobody else listens on: the other
    workers are to have some.
    """
    return max(1, mostPorts() * 3 // 4)


class AcceptedBy(Protocol):
    """
    Who accepts what comes in by the listeners.
    """

    def opened(self, listener: Listener) -> None:
        """
        There is one more.
        """

    def closing(self, listener: Listener) -> None:
        """
        A listener is about to be closed.
        """


class Listeners:
    """
    Every listener of the cluster, by what was asked for.

    @ivar byNumber: All of them.
    @ivar newPolicy: Makes one listener's policy; L{None} lets the kernel choose.
    """

    def __init__(
        self,
        door: AcceptedBy,
        newPolicy: Callable[[], ISchedulingPolicy | None],
        backlog: int,
        descriptors: Container[int],
        takers: Takers,
        inherited: Container[int] = (),
        dispatching: Dispatching = HANDED_OVER,
    ) -> None:
        """
        @param newPolicy: Makes one listener's policy; L{None} lets the kernel choose.
        @param backlog: The least backlog of a listener.
        @param descriptors: Which of this process's workers may listen on.
        @param takers: Looks who has what cannot be bound.
        @param inherited: Which of them were opened for workers, also for those that are
            of another user.
        @param dispatching: How connections are to reach workers.
        """
        self._door = door
        self._dispatching = dispatching
        self._inherited = inherited
        self.newPolicy = newPolicy
        self._backlog = backlog
        self._descriptors = descriptors
        self._takers = takers
        self._byKey: dict[Key, Listener] = {}
        self._begun: dict[Key, Binding] = {}
        self.byNumber: dict[int, Listener] = {}
        self._count = 0
        self._loads = Loads()

    def checkRoom(self, opener: int) -> None:
        """
        @param opener: The id of the worker that asks for one more.
        @raise OSError: EMFILE if there are L{mostPorts}, or L{mostOfOne} are its own.
        """
        most, all, own = mostPorts(), 0, 0
        for listener in self.byNumber.values():
            all += listener.sockets
            if listener.opener == opener and len(listener.users) < 2:
                own += listener.sockets
        if all >= most:
            raise _tooMany(f"the cluster has {most} ports already")
        if own >= mostOfOne():
            raise _tooMany(f"this worker alone has {own} ports already")

    def find(self, spec: ListenSpec, ordinal: int, directory: str) -> Listener | None:
        """
        The one that is meant, if there is one.

        @param ordinal: As in L{keyOf}, and C{directory}.
        """
        key = keyOf(spec, ordinal, directory)
        return self._byKey.get(key) or self._ofRealPort(key[0])

    def _ofRealPort(self, spec: ListenSpec) -> Listener | None:
        # Who learns the number that another worker got for port 0 may ask for that.
        if spec.port == 0 or spec.kind == UNIX:
            return None
        for (known, _), listener in self._byKey.items():
            # First what takes no time: there may be thousands.
            isAny = known.port == 0 and known.kind != UNIX
            if isAny and listener.name[1] == spec.port:
                if evolve(known, port=spec.port, name="") == spec:
                    return listener
        return None

    def begin(
        self, spec: ListenSpec, directory: str, user: User | None
    ) -> Binding | None:
        """
        Bind one more where that may take as long as others like.

        @param user: As in L{open}.
        @return: What goes on, maybe already; L{None}: it takes no time.
        """
        if not mayBeLate(spec):
            return None
        key = keyOf(spec, 0, directory)
        self._begun = {k: v for k, v in self._begun.items() if v.goesOn or not v.isDone()}
        if key not in self._begun:
            try:
                self._begun[key] = Binding(self._asked(spec), directory, user)
            except RuntimeError:
                # No thread can be had.
                return None
        return self._begun[key]

    def _asked(self, spec: ListenSpec) -> ListenSpec:
        return evolve(spec, backlog=max(spec.backlog, self._backlog))

    def open(
        self,
        spec: ListenSpec,
        ordinal: int,
        directory: str,
        user: User | None = None,
        begun: Binding | None = None,
        isHeld: bool = False,
    ) -> Listener:
        """
        Bind one more, or take up a descriptor.

        @param user: On whose word, and so as whom.
        @param begun: What was bound already.
        @param isHeld: Whether it is the cluster itself that listens.
        @raise OSError: As bind(2) and L{adopt} say.
        """
        policy = self._dispatching.policyOf(spec, self.newPolicy())
        streams = None
        if spec.fd is None:
            asked = self._asked(spec)
            bound, streams = self._bindFor(policy, asked, directory, user, begun, isHeld)
        else:
            self._dispatching.isForKernel(spec, policy, self._room)
            bound = self._adopt(spec, user)
        self._count += 1
        peers = None
        if policy is not None and self._dispatching.mayReserve(spec, self._room):
            mayLoad = isHeld or self._loads.takes(self._count, time.monotonic())
            peers = self._dispatching.peers(bound, mayLoad)
            if peers is None:
                self._loads.leave(self._count)
                bound.release()
                bound = self._bind(self._asked(spec), directory, user, None)
        try:
            listener = Listener(self._count, spec, bound, policy, streams, peers)
            self._door.opened(listener)
        except BaseException:
            self._loads.leave(self._count)
            for group in (streams, peers):
                if group is not None:
                    group.close()
            bound.release()
            raise
        key = keyOf(spec, ordinal, directory)
        self._byKey[key] = self.byNumber[listener.number] = listener
        # A worker that opens any port may do that for each of its clients (FTP).
        say = log.debug if isNth(spec) else log.info
        say("listening on {spec} ({name})", spec=spec, name=_inWords(listener.name))
        return listener

    @property
    def _room(self) -> int:
        """
        How many descriptors may be reserved still: half of all that ports may have are
        for those that nobody knows of yet.
        """
        all = sum(listener.sockets for listener in self.byNumber.values())
        return mostPorts() // 2 - all

    def _whyTaken(self) -> str:
        """
        @return: Why what workers accept of one more port cannot be counted; empty: it
            can.
        """
        steered = [one for one in self.byNumber.values() if one.streams is not None]
        number = self._count + 1
        if any((one.number - number) % LISTENERS == 0 for one in steered):
            return f"the kernel chooses at {len(steered)} ports already"
        return ""

    def choose(self, listener: Listener, policy: ISchedulingPolicy) -> None:
        """
        Another policy is to choose among a listener's workers: in the kernel, where it
        has done so before, if it can.
        """
        listener.choose(policy)
        if listener.streams is not None:
            why = LIMITED if listener.users.metered else ""
            self._dispatching.follow(listener.spec, policy, listener.streams, why)

    def handOver(self, listener: Listener) -> None:
        """
        A worker limits its connections: that only the primary can keep exactly.
        """
        if listener.streams is not None and listener.streams.isSteering:
            listener.streams.isSteering = False
            self._dispatching.refuse(listener.spec, LIMITED)

    def _bindFor(
        self,
        policy: ISchedulingPolicy | None,
        spec: ListenSpec,
        directory: str,
        user: User | None,
        begun: Binding | None,
        isHeld: bool,
    ) -> tuple[Bound, StreamGroup | None]:
        """
        @return: And what workers accept from, if the kernel chooses as the policy says.
        """
        taken = self._whyTaken()
        isForKernel = self._dispatching.isForKernel(spec, policy, self._room, taken)
        if isForKernel and self._mayLoad(spec, IKernelPolicy(policy), isHeld):
            bound = self._bind(spec, directory, user, None, True)
            streams = self._dispatching.group(bound, IKernelPolicy(policy))
            if streams is not None:
                return bound, streams
            # Nobody else is to be bound beside it.
            bound.release()
        return self._bind(spec, directory, user, begun), None

    def _mayLoad(self, spec: ListenSpec, policy: IKernelPolicy, isHeld: bool) -> bool:
        """
        Whether there is time for a policy's program. Those that compare all workers take
        longest; and what workers open as often as they like may not hold up the rest.
        """
        if isHeld or not readsLoads(policy):
            return True
        mayLoad = self._loads.takes(self._count + 1, time.monotonic())
        if not mayLoad:
            self._dispatching.refuse(spec, "workers have opened many such ports lately")
        return mayLoad

    def _bind(
        self,
        spec: ListenSpec,
        directory: str,
        user: User | None,
        begun: Binding | None,
        inGroup: bool = False,
    ) -> Bound:
        try:
            return begun.take() if begun else bind(spec, directory, user, inGroup)
        except PermissionError as error:
            if user is None:
                raise
            why = f"{error.strerror}: to user {user.uid}; {GIVE}"
            raise OSError(error.errno, why) from error
        except OSError as error:
            if error.errno != BUSY:
                raise
            with acting(user):
                who = self._whoHas(spec, directory)
            if who is None:
                raise
            raise OSError(BUSY, f"{os.strerror(BUSY)}: {who}") from error

    def _whoHas(self, spec: ListenSpec, directory: str) -> str | None:
        for listener in self.byNumber.values():
            if listener.isInTheWayOf(spec):
                return f"the cluster itself has {listener.facts.name}"
        return self._takers.whoHas(spec, directory)

    def _adopt(self, spec: ListenSpec, user: User | None) -> Bound:
        assert spec.fd is not None
        if spec.fd not in (self._descriptors if user is None else self._inherited):
            why = f"descriptor {spec.fd} of the primary is not for workers"
            raise OSError(errno.EPERM, why)
        asked = os.fstat(spec.fd)
        for listener in self.byNumber.values():
            if listener.owns(asked):
                why = f"descriptor {spec.fd} is {listener.facts.name} already"
                raise OSError(errno.EEXIST, why)
        return adopt(spec)

    def close(self, listener: Listener) -> None:
        """
        Close one; nobody finds it any more.
        """
        self._byKey = {k: v for k, v in self._byKey.items() if v is not listener}
        del self.byNumber[listener.number]
        try:
            self._door.closing(listener)
        finally:
            self._loads.leave(listener.number)
            listener.close()


def _tooMany(why: str) -> OSError:
    return OSError(errno.EMFILE, f"{why}: raise ulimit -n")


def _inWords(name: tuple[str, int] | str | bytes) -> str:
    return f"{name[0]} port {name[1]}" if isinstance(name, tuple) else repr(name)
