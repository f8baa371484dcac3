"""
Who listens where: hold, share, let go.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Container, Iterable
from contextlib import ExitStack
from typing import Protocol

from twisted_cluster.core.member import Member
from twisted_cluster.core.messages import GROUP, KERNEL, Listen
from twisted_cluster.events import ListenSpec
from twisted_cluster.interfaces import ISchedulingPolicy
from twisted_cluster.primary.ports.dispatching import Dispatching
from twisted_cluster.primary.ports.keys import isNth
from twisted_cluster.primary.ports.late import Binding
from twisted_cluster.primary.ports.listener import Listener
from twisted_cluster.primary.ports.listeners import HANDED_OVER, AcceptedBy, Listeners
from twisted_cluster.primary.ports.takers import Takers
from twisted_cluster.wire.handed import Handed
from twisted_cluster.wire.user import User

BUSY = errno.EADDRINUSE


class WatchedBy(AcceptedBy, Protocol):
    """
    Who accepts what comes in by the listeners, and gives it to workers.
    """

    def rechosen(self, listener: Listener) -> None:
        """
        A port has another policy, or is accepted from by somebody else.
        """

    def recall(self, member: Member, number: int) -> bool:
        """
        Take back what a worker has not taken of a listener, and give it to others.

        @return: Whether nothing is left.
        """

    def changed(self) -> None:
        """
        What workers are willing to take has changed.
        """

    def joined(self, listener: Listener) -> None:
        """
        Who serves a listener has changed.
        """

    def redirect(self, connections: Iterable[Handed]) -> None:
        """
        Find other workers for connections that came back.
        """


class ListenerTable:
    """
    Every listener of the cluster, by what was asked for. Workers are known by their ids.

    @ivar byNumber: All of them.
    @ivar takers: Looks who has what cannot be bound.
    """

    def __init__(
        self,
        door: WatchedBy,
        newPolicy: Callable[[], ISchedulingPolicy | None],
        backlog: int = 0,
        keep: bool = True,
        descriptors: Container[int] = (),
        inherited: Container[int] = (),
        dispatching: Dispatching = HANDED_OVER,
    ) -> None:
        """
        @param newPolicy: Makes one listener's policy; L{None} lets the kernel choose.
        @param backlog: The least backlog of a listener.
        @param keep: Whether what a worker leaves behind when it dies waits for the one
            that replaces it.
        @param descriptors: Which of this process's workers may listen on.
        @param inherited: Which of them also workers of another user may.
        @param dispatching: How connections are to reach workers.
        """
        self._door = door
        self._keep = keep
        self._isClosed = False
        self.takers = Takers()
        self._listeners = Listeners(
            door, newPolicy, backlog, descriptors, self.takers, inherited, dispatching
        )
        self.byNumber = self._listeners.byNumber

    def hold(self, spec: ListenSpec) -> Listener:
        """
        Bind a port for the cluster itself; it stays bound as long as its C{keep} says so,
        and workers of whatever user may listen there.

        @raise OSError: As bind(2) says. Its C{filename} is what was to be listened on.
        """
        ordinal = 0
        while isNth(spec) and self._listeners.find(spec, ordinal, "."):
            ordinal += 1
        listener = self._listeners.find(spec, ordinal, ".")
        if listener is None:
            listener = self._open(spec, ordinal)
        listener.keep = True
        return listener

    def _open(self, spec: ListenSpec, ordinal: int) -> Listener:
        try:
            return self._listeners.open(spec, ordinal, ".", isHeld=True)
        except OSError as error:
            why = error.strerror or str(error)
            raise OSError(error.errno, why, str(spec)) from None

    def letGo(self, listener: Listener) -> None:
        """
        The cluster itself holds a port no longer: it is closed, unless workers listen
        there.
        """
        listener.keep = False
        if listener.isAbandoned:
            self._listeners.close(listener)

    @property
    def newPolicy(self) -> Callable[[], ISchedulingPolicy | None]:
        """
        Makes a listener's policy.
        """
        return self._listeners.newPolicy

    @newPolicy.setter
    def newPolicy(self, maker: Callable[[], ISchedulingPolicy | None]) -> None:
        self._listeners.newPolicy = maker

    def choose(self, listener: Listener, policy: ISchedulingPolicy) -> None:
        """
        Another policy chooses among the users of a listener.
        """
        before = listener.policy
        self._listeners.choose(listener, policy)
        try:
            self._door.rechosen(listener)
        except BaseException:
            self._listeners.choose(listener, before)
            raise

    def begin(
        self, member: Member, question: Listen, user: User | None = None
    ) -> Binding | None:
        """
        A worker is about to listen.

        @param user: As in L{join}.
        @return: What is to be over before; L{None}: nothing.
        @raise OSError: EMFILE, or ECANCELED, as L{join}.
        """
        if self._meant(question) is not None:
            return None
        self._checkOpen()
        self._listeners.checkRoom(member.id)
        return self._listeners.begin(question.spec, question.directory, user)

    def join(
        self,
        member: Member,
        question: Listen,
        user: User | None = None,
        begun: Binding | None = None,
    ) -> Listener:
        """
        A worker listens.

        @param user: Whose it is; L{None}: this process's own.
        @param begun: What has been bound for it.
        @raise OSError: EADDRINUSE if this worker listens there already, or workers of
            another user do; EMFILE if there are too many ports, of this worker or in all,
            ECANCELED when no more are opened, or as bind(2) and L{adopt} say.
        """
        where = question.spec, question.ordinal, question.directory
        listener = self._meant(question)
        if listener is not None and member.id in listener.users:
            raise OSError(BUSY, os.strerror(BUSY))
        if listener is not None and not listener.isFor(user):
            raise OSError(BUSY, f"{os.strerror(BUSY)}: by workers of another user")
        if listener is not None and member.id in listener.suspects:
            raise OSError(errno.EPERM, "it may have broken this port, and is replaced")
        if listener is None:
            self._checkOpen()
            self._listeners.checkRoom(member.id)
            listener = self._listeners.open(*where, user, begun)
            listener.opener = member.id
        try:
            # Of datagrams it may have to be made.
            listener.descriptorFor(member)
        except OSError:
            if listener.isAbandoned:
                self._listeners.close(listener)
            raise
        wasOurs = listener.isOurs
        listener.join(member)
        if listener.mode == KERNEL and member.tally is not None:
            member.tally.accepts = True
        if wasOurs:
            self._door.rechosen(listener)
        room = question.room
        handed = member.handedBy(listener.number)
        self.limit(member, listener.number, None if room is None else handed + room)
        self._door.joined(listener)
        return listener

    def bindAnew(self, listener: Listener) -> None:
        """
        Have another socket in the place of one that workers have broken. Until one of
        their successors has it, they are handed what comes in by it.

        @raise OSError: If that cannot be now.
        """
        self._door.closing(listener)
        try:
            listener.bindAnew()
        finally:
            self._door.opened(listener)
            self._door.joined(listener)

    def _meant(self, question: Listen) -> Listener | None:
        where = question.spec, question.ordinal, question.directory
        return self.byNumber.get(question.listener) or self._listeners.find(*where)

    def leave(self, member: Member, number: int) -> None:
        """
        A worker no longer listens, and has no copy of the socket; the last one out closes
        the port.
        """
        listener = self.byNumber.get(number)
        if listener is None or member.id not in listener.users:
            self.released(member, number)
            return
        listener.users.leave(member.id)
        # Of others it may have been given sockets to be emptied.
        if listener.mode != GROUP or self._door.recall(member, number):
            listener.holders.discard(member.id)
        self._withdraw(member, listener)
        self._door.joined(listener)

    def released(self, member: Member, number: int) -> None:
        """
        A worker that ends has no copy of a socket any more.
        """
        listener = self.byNumber.get(number)
        if listener is not None and member.id in listener.holders:
            listener.holders.discard(member.id)
            self._closeAbandoned(listener)

    def pause(self, member: Member, number: int, paused: bool) -> None:
        """
        A worker takes nothing from a listener for now, or takes it again.
        """
        listener = self.byNumber.get(number)
        if listener is not None and member.id in listener.users:
            listener.users.pause(member.id, paused)
            self._door.joined(listener)

    def limit(self, member: Member, number: int, willing: int | None) -> None:
        """
        A worker says how many connections of a listener it will have been given.

        @param willing: In all, since it first said so; L{None} is any number.
        """
        listener = self.byNumber.get(number)
        if listener is None or member.id not in listener.users:
            return
        if willing is not None or number in member.credits:
            listener.users.metered = True
            member.limit(number, willing)
            self._listeners.handOver(listener)
            self._door.changed()

    def forget(self, member: Member) -> None:
        """
        A worker is gone. Its ports stay bound for the one that replaces it, if one will.
        """
        for listener in list(self.byNumber.values()):
            self.released(member, listener.number)
        self._dismiss(member)

    def retire(self, member: Member) -> None:
        """
        A worker takes nothing more, and ends. If nobody replaces it, nobody waits for it.
        """
        if not self._keep:
            self._dismiss(member)

    def _dismiss(self, member: Member) -> None:
        for listener in list(self.byNumber.values()):
            isKnown = listener.users.leave(member.id)
            listener.forget(member)
            if isKnown and not self._keep:
                self._withdraw(member, listener)
        self._door.changed()

    def unjoined(self) -> list[Listener]:
        """
        Those that the cluster itself holds, and no worker has ever listened on.
        """
        return [one for one in self.byNumber.values() if one.keep and not one.wasJoined]

    def closeUnused(self) -> None:
        """
        Every worker is up: a port that none of them listens on is not coming back.
        """
        for listener in list(self.byNumber.values()):
            if not listener.users and not listener.keep:
                self._listeners.close(listener)
                continue
            for slot in listener.absent():
                self._door.redirect(listener.withdraw(slot))

    def refuseAll(self) -> None:
        """
        The cluster ends: nobody is let in any more, but who has come already.
        """
        for listener in self.byNumber.values():
            listener.refuse()

    @property
    def isAwaited(self) -> bool:
        """
        Whether somebody has come of whom this process does not know yet.
        """
        return any(listener.isAwaited for listener in self.byNumber.values())

    def closeForGood(self) -> None:
        """
        The cluster ends: a worker that begins to listen now would open again what nobody
        is to come to any more.
        """
        self.closeAll()
        self._isClosed = True

    def closeAll(self) -> None:
        """
        Close what there is; workers may open others.
        """
        self._isClosed = False
        # All of them, whatever one raises.
        with ExitStack() as stack:
            for listener in self.byNumber.values():
                stack.callback(self._listeners.close, listener)

    def _checkOpen(self) -> None:
        if self._isClosed:
            raise OSError(errno.ECANCELED, "the cluster stops, and opens no more ports")

    def _withdraw(self, member: Member, listener: Listener) -> None:
        if listener.isAbandoned:
            self._listeners.close(listener)
            member.credits.pop(listener.number, None)
        elif back := listener.withdraw(member.number, member.id):
            self._door.redirect(back)

    def _closeAbandoned(self, listener: Listener) -> None:
        if listener.isAbandoned and not self._keep:
            self._listeners.close(listener)
