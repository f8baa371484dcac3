"""
The cluster reactor: any posix reactor, whose ports the primary owns.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from time import monotonic_ns
from types import FrameType
from typing import TYPE_CHECKING, AnyStr, TypeVar, cast

from twisted.internet.error import UnsupportedAddressFamily
from twisted.internet.interfaces import (
    IListeningPort,
    IProcessProtocol,
    IProcessTransport,
    IProtocolFactory,
    IReadDescriptor,
    IWriteDescriptor,
)
from twisted.internet.posixbase import PosixReactorBase
from twisted.internet.protocol import AbstractDatagramProtocol

from twisted_cluster.events import TCP, UDP, UNIX, GivenOptions, ListenOptions
from twisted_cluster.kinds import installKind
from twisted_cluster.logfiles import shareLogFiles
from twisted_cluster.reactors import IClusterReactor
from twisted_cluster.wire.descriptors import Announcement, takeAnnouncement
from twisted_cluster.wire.limit import changeLimit
from twisted_cluster.worker.beats import BeatReactor
from twisted_cluster.worker.breakpoints import Breakpoints
from twisted_cluster.worker.likeness import likeStock
from twisted_cluster.worker.link import Link
from twisted_cluster.worker.ports.connections import CountedServer, CountedUNIXServer
from twisted_cluster.worker.ports.datagrams import UDPPort
from twisted_cluster.worker.ports.delivered import DeliveredPort
from twisted_cluster.worker.ports.register import Register, WorkerPort
from twisted_cluster.worker.ports.stream_ports import TCPPort, UNIXPort
from twisted_cluster.worker.programs import LimitedProcess, LimitedPTYProcess
from twisted_cluster.worker.replacing import Succession
from twisted_cluster.worker.signals import takeOver
from twisted_cluster.worker.vitals import BEAT_EVERY
from twisted_cluster.worker.wires import WorkerWires
from twisted_cluster.worker.wsgi import tellMultiprocess

if TYPE_CHECKING:
    from typing_extensions import Unpack

AnyPort = TypeVar("AnyPort", TCPPort, UNIXPort, UDPPort)


class ClusterReactorMixin(PosixReactorBase):
    """
    What a posix reactor does differently in a worker. Its listening calls also take
    what L{ListenOptions} has.
    """

    clusterLink: Link
    clusterPorts: Register
    _nextBeat = 0

    def listenTCP(
        self,
        port: int,
        factory: IProtocolFactory,
        backlog: int = 50,
        interface: str = "",
        **options: Unpack[GivenOptions],
    ) -> TCPPort:
        asked = ListenOptions.forKind(TCP, options)
        made = TCPPort(port, factory, backlog, interface, self, asked)
        return self._begin(made, asked)

    def listenUNIX(
        self,
        address: bytes,
        factory: IProtocolFactory,
        backlog: int = 50,
        mode: int = 0o666,
        wantPID: bool = False,
        **options: Unpack[GivenOptions],
    ) -> UNIXPort:
        asked = ListenOptions.forKind(UNIX, options)
        made = UNIXPort(address, factory, backlog, mode, self, wantPID, asked)
        return self._begin(made, asked)

    def listenUDP(
        self,
        port: int,
        protocol: AbstractDatagramProtocol,
        interface: str = "",
        maxPacketSize: int = 8192,
        **options: Unpack[GivenOptions],
    ) -> UDPPort:
        asked = ListenOptions.forKind(UDP, options)
        made = UDPPort(port, protocol, interface, maxPacketSize, self, asked)
        return self._begin(made, asked)

    def _begin(self, port: AnyPort, options: ListenOptions) -> AnyPort:
        if options.ipv6Only and port.addressFamily != socket.AF_INET6:
            raise ValueError("ipv6Only is for ports with an IPv6 interface, such as '::'")
        port.startListening()
        return port

    def adoptStreamPort(
        self, fileDescriptor: int, addressFamily: int, factory: IProtocolFactory
    ) -> IListeningPort:
        number = self.clusterPorts.given.numberOf(fileDescriptor)
        if number is not None and addressFamily in self._supportedAddressFamilies:
            return self._joinGiven(number, addressFamily, factory)
        for port in self.clusterPorts.served.values():
            if isinstance(port, DeliveredPort) and port.standsAt(fileDescriptor):
                with port.socket.dup() as real:
                    return self._adoptPort(real.fileno(), addressFamily, factory)
        return self._adoptPort(fileDescriptor, addressFamily, factory)

    def _joinGiven(
        self, number: int, addressFamily: int, factory: IProtocolFactory
    ) -> IListeningPort:
        if addressFamily == socket.AF_UNIX:
            return self.listenUNIX(b"", factory, fd=number)
        made = self.listenTCP(0, factory, fd=number)
        made.interface = made.getHost().host
        return made

    def adoptDatagramPort(
        self,
        fileDescriptor: int,
        addressFamily: int,
        protocol: AbstractDatagramProtocol,
        maxPacketSize: int = 8192,
    ) -> IListeningPort:
        number = self.clusterPorts.given.numberOf(fileDescriptor)
        if number is not None and addressFamily != socket.AF_UNIX:
            made = self.listenUDP(0, protocol, "", maxPacketSize, fd=number)
            made.interface = made.getHost().host
            return made
        alone: IListeningPort = super().adoptDatagramPort(
            fileDescriptor, addressFamily, protocol, maxPacketSize
        )
        return alone

    def _adoptPort(
        self, fileDescriptor: int, addressFamily: int, factory: IProtocolFactory
    ) -> IListeningPort:
        made: IListeningPort = super().adoptStreamPort(
            fileDescriptor, addressFamily, factory
        )
        return made

    def adoptStreamConnection(
        self,
        fileDescriptor: int,
        addressFamily: int,
        factory: IProtocolFactory,
    ) -> CountedServer | None:
        if addressFamily not in self._supportedAddressFamilies:
            raise UnsupportedAddressFamily(addressFamily)
        made: CountedServer | None
        if addressFamily == socket.AF_UNIX:
            made = CountedUNIXServer._fromConnectedSocket(fileDescriptor, factory, self)
        else:
            made = CountedServer._fromConnectedSocket(
                fileDescriptor, addressFamily, factory, self
            )
        return made

    def spawnProcess(
        self,
        processProtocol: IProcessProtocol,
        executable: str | bytes,
        args: Sequence[str | bytes] = (),
        env: Mapping[AnyStr, AnyStr] | None = {},
        path: str | bytes | None = None,
        uid: int | None = None,
        gid: int | None = None,
        usePTY: bool | tuple[int, int, str] = False,
        childFDs: Mapping[int, int | str] | None = None,
    ) -> IProcessTransport:
        limit = self.clusterLink.descriptors.forPrograms
        given = (executable, args, env, path)
        if limit is None or (usePTY and childFDs is not None):
            made = super().spawnProcess(
                processProtocol, *given, uid, gid, usePTY, childFDs
            )
        elif usePTY:
            made = LimitedPTYProcess(
                limit, self, *given, processProtocol, uid, gid, usePTY
            )
        else:
            made = LimitedProcess(
                limit, self, *given, processProtocol, uid, gid, childFDs
            )
        return cast(IProcessTransport, made)

    def getReaders(self) -> list[IReadDescriptor]:
        return super().getReaders() + cast(list[IReadDescriptor], self._hiddenPorts())

    def removeAll(self) -> list[IReadDescriptor | IWriteDescriptor]:
        ports = self._hiddenPorts()
        for port in ports:
            port.stopReading()
        removed = set(super().removeAll())
        # The stock reactor spares only those of its own whom it reads.
        own = cast(set[IWriteDescriptor], removed & self._internalReaders)
        for writer in own:
            self.addWriter(writer)
        return [*(removed - own), *cast(list[IReadDescriptor], ports)]

    def _hiddenPorts(self) -> list[WorkerPort]:
        return [port for port in self.clusterPorts.all() if port.hidden]

    def timeout(self) -> float:
        # Asked once in every turn of the loop, so that every microsecond counts.
        now = monotonic_ns()
        if now >= self._nextBeat:
            self._beat(now)
        asked = super().timeout()
        wait = (self._nextBeat - now) / 1e9
        return asked if asked is not None and asked < wait else wait

    def _beat(self, now: int) -> None:
        late = now - (self._nextBeat or now)
        self._nextBeat = now + BEAT_EVERY
        self.clusterLink.beat(now, late)

    def beatBy(self, due: int) -> None:
        """
        Let the next beat be no later.

        @param due: Monotonic nanoseconds.
        """
        if due < self._nextBeat:
            self._nextBeat = due

    def sigTerm(self, number: int, frame: FrameType | None = None) -> None:
        self.callFromThread(self.clusterLink.departure.signal, number)


class AsyncioReactorMixin(ClusterReactorMixin):
    """
    The same for asyncio's reactor. That asks for its time-out not in every turn, but
    when a timer has come, and when it is given one: who does that is in the midst of
    something, and nothing else is to be called then.
    """

    _reschedule: Callable[[], None]

    def runUntilCurrent(self) -> None:
        super().runUntilCurrent()
        now = monotonic_ns()
        if now >= self._nextBeat:
            self._beat(now)

    def timeout(self) -> float:
        asked = super(ClusterReactorMixin, self).timeout()
        wait = max(0, self._nextBeat - monotonic_ns()) / 1e9
        return asked if asked is not None and asked < wait else wait

    def beatBy(self, due: int) -> None:
        if due < self._nextBeat:
            super().beatBy(due)
            self._reschedule()


def clusterize(reactor: PosixReactorBase, wires: WorkerWires, told: Announcement) -> None:
    """
    Turn a reactor into a worker's.

    @param reactor: A stock one, which has not run yet.
    @param told: What this worker was told at birth.
    """
    become(reactor)
    made = cast(ClusterReactorMixin, reactor)
    whole = cast(IClusterReactor, reactor)
    # Looked up each time: what it does may change with the reactor's kind.
    beats = BeatReactor(whole, lambda due: made.beatBy(due))
    made.clusterLink = Link(whole, beats, wires, told)
    made.clusterPorts = made.clusterLink.ports


def become(reactor: PosixReactorBase) -> None:
    """
    Let a reactor do what a worker's does differently, for which it needs wires.
    """
    base = reactor.__class__
    mixin = AsyncioReactorMixin if hasattr(base, "_reschedule") else ClusterReactorMixin
    reactor.__class__ = likeStock(mixin, base)


def install() -> None:
    """
    Install the cluster reactor; what C{--reactor=cluster} does.

    @raise StartError: If this process is not a worker, or there cannot be a reactor of
        the kind that it was told.
    """
    announcement = takeAnnouncement(os.environ)
    takeOver(announcement.ignored, announcement.blocked)
    if announcement.umask is not None:
        os.umask(announcement.umask)
    if announcement.nofile:
        changeLimit(announcement.nofile)
    shareLogFiles()
    if announcement.multiprocess:
        tellMultiprocess()
    reactor = installKind(announcement.reactor)
    wires = WorkerWires.inherit(announcement)
    clusterize(reactor, wires, announcement)
    Succession(reactor, become).begin()
    if announcement.terminal is not None:
        sys.breakpointhook = Breakpoints(wires.page, announcement.terminal)
