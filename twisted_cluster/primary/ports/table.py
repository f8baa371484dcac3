"""
The listeners: who asked for which port; bind, hold, share, close.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Container, Iterable
from typing import Protocol

from attrs import evolve
from twisted.logger import Logger

from twisted_cluster.core.member import Member
from twisted_cluster.core.messages import Listen
from twisted_cluster.events import UNIX, ListenSpec
from twisted_cluster.interfaces import ISchedulingPolicy
from twisted_cluster.primary.ports.binding import Bound, adopt, bind
from twisted_cluster.primary.ports.keys import Key, isNth, keyOf
from twisted_cluster.primary.ports.listener import Listener
from twisted_cluster.primary.ports.takers import Takers
from twisted_cluster.wire.handoff import Handed
from twisted_cluster.wire.limit import shareOf

log = Logger()
BUSY = errno.EADDRINUSE
# More than any application has; all of them are looked at whenever anything changes.
MOST_PORTS = 4096


def mostPorts() -> int:
    """
    How many sockets of ports there may be: half of the descriptors are for others.
    """
    return shareOf(2, MOST_PORTS)


class WatchedBy(Protocol):
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

    def recall(self, member: Member, number: int) -> bool:
        """
        Take back what a worker has not taken of a listener, and give it to others.

        @return: Whether nothing is left.
        """

    def changed(self) -> None:
        """
        Who serves a listener, or what it is willing to take, has changed.
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
    ) -> None:
        """
        @param newPolicy: Makes one listener's policy; L{None} lets the kernel choose.
        @param backlog: The least backlog of a listener.
        @param keep: Whether what a worker leaves behind when it dies waits for the one
            that replaces it.
        @param descriptors: Which of this process's workers may listen on.
        """
        self._door = door
        self._newPolicy = newPolicy
        self._backlog = backlog
        self._keep = keep
        self._descriptors = descriptors
        self._byKey: dict[Key, Listener] = {}
        self.byNumber: dict[int, Listener] = {}
        self.takers = Takers()
        self._count = 0

    def hold(self, spec: ListenSpec) -> Listener:
        """
        Bind a port for the cluster itself; it stays bound as long as its C{keep} says so.

        @raise OSError: As bind(2) says.
        """
        ordinal = 0
        while isNth(spec) and keyOf(spec, ordinal, ".") in self._byKey:
            ordinal += 1
        listener = self._find(spec, ordinal, ".") or self._open(spec, ordinal, ".")
        listener.keep = True
        return listener

    def join(self, member: Member, question: Listen) -> Listener:
        """
        A worker listens.

        @raise OSError: EADDRINUSE if this worker listens there already, EMFILE if there
            are L{mostPorts}, or as bind(2) and L{adopt} say.
        """
        where = question.spec, question.ordinal, question.directory
        listener = self._find(*where)
        if listener is not None and member.id in listener.users:
            raise OSError(BUSY, os.strerror(BUSY))
        if listener is None:
            self._checkRoom()
            listener = self._open(*where)
        try:
            listener.descriptorFor(member)
        except OSError:
            if listener.isAbandoned:
                self._close(listener)
            raise
        listener.join(member)
        room = question.room
        handed = member.handedBy(listener.number)
        self.limit(member, listener.number, None if room is None else handed + room)
        self._door.changed()
        return listener

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
        if listener.group is None or self._door.recall(member, number):
            listener.holders.discard(member.id)
        self._withdraw(member, listener)
        self._door.changed()

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
            self._door.changed()

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
                self._close(listener)
                continue
            for slot in listener.absent():
                self._door.redirect(listener.withdraw(slot))

    def closeAll(self) -> None:
        """
        The cluster ends.
        """
        for listener in list(self.byNumber.values()):
            self._close(listener)

    def _checkRoom(self) -> None:
        # Of one worker's ports: others would have no descriptor for who connects.
        most = mostPorts()
        if sum(listener.sockets for listener in self.byNumber.values()) >= most:
            why = f"the cluster has {most} ports already: raise ulimit -n"
            raise OSError(errno.EMFILE, why)

    def _find(self, spec: ListenSpec, ordinal: int, directory: str) -> Listener | None:
        key = keyOf(spec, ordinal, directory)
        return self._byKey.get(key) or self._findByRealPort(key[0])

    def _findByRealPort(self, spec: ListenSpec) -> Listener | None:
        # Who learns the number that another worker got for port 0 may ask for that.
        if spec.port == 0 or spec.kind == UNIX:
            return None
        for (known, _), listener in self._byKey.items():
            same = evolve(known, port=spec.port, name="") == spec
            if same and known.port == 0 and listener.name[1] == spec.port:
                return listener
        return None

    def _open(self, spec: ListenSpec, ordinal: int, directory: str) -> Listener:
        if spec.fd is None:
            asked = evolve(spec, backlog=max(spec.backlog, self._backlog))
            bound = self._bind(asked, directory)
        else:
            bound = self._adopt(spec)
        self._count += 1
        try:
            listener = Listener(self._count, spec, bound, self._newPolicy())
            self._door.opened(listener)
        except BaseException:
            bound.release()
            raise
        key = keyOf(spec, ordinal, directory)
        self._byKey[key] = self.byNumber[listener.number] = listener
        # A worker that opens any port may do that for each of its clients (FTP).
        say = log.debug if isNth(spec) else log.info
        say("listening on {spec} ({name})", spec=spec, name=_inWords(listener.name))
        return listener

    def _bind(self, spec: ListenSpec, directory: str) -> Bound:
        try:
            return bind(spec, directory)
        except OSError as error:
            who = self._whoHas(spec, directory) if error.errno == BUSY else None
            if who is None:
                raise
            raise OSError(BUSY, f"{os.strerror(BUSY)}: {who}") from error

    def _whoHas(self, spec: ListenSpec, directory: str) -> str | None:
        for listener in self.byNumber.values():
            if listener.isInTheWayOf(spec):
                return f"the cluster itself has {listener.facts.name}"
        return self.takers.whoHas(spec, directory)

    def _adopt(self, spec: ListenSpec) -> Bound:
        assert spec.fd is not None
        if spec.fd not in self._descriptors:
            why = f"descriptor {spec.fd} of the primary is not for workers"
            raise OSError(errno.EPERM, why)
        asked = os.fstat(spec.fd)
        for listener in self.byNumber.values():
            if listener.owns(asked):
                why = f"descriptor {spec.fd} is {listener.facts.name} already"
                raise OSError(errno.EEXIST, why)
        return adopt(spec)

    def _withdraw(self, member: Member, listener: Listener) -> None:
        if listener.isAbandoned:
            self._close(listener)
            member.credits.pop(listener.number, None)
        else:
            self._door.redirect(listener.withdraw(member.number, member.id))

    def _closeAbandoned(self, listener: Listener) -> None:
        if listener.isAbandoned and not self._keep:
            self._close(listener)

    def _close(self, listener: Listener) -> None:
        self._byKey = {k: v for k, v in self._byKey.items() if v is not listener}
        del self.byNumber[listener.number]
        try:
            self._door.closing(listener)
        finally:
            listener.close()


def _inWords(name: tuple[str, int] | str | bytes) -> str:
    return f"{name[0]} port {name[1]}" if isinstance(name, tuple) else repr(name)
