"""
The cluster reactor: any posix reactor, whose ports the primary owns.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from time import monotonic_ns
from types import FrameType
from typing import cast

from twisted.internet.interfaces import IReadDescriptor, IWriteDescriptor
from twisted.internet.posixbase import PosixReactorBase

from twisted_cluster.kinds import installKind
from twisted_cluster.logfiles import shareLogFiles
from twisted_cluster.reactors import IClusterReactor
from twisted_cluster.wire.descriptors import Announcement, takeAnnouncement
from twisted_cluster.wire.limit import changeLimit, lowerLimit
from twisted_cluster.worker.beats import BeatReactor
from twisted_cluster.worker.breakpoints import Breakpoints
from twisted_cluster.worker.importing import whenImported
from twisted_cluster.worker.leaning import begin, leaner
from twisted_cluster.worker.likeness import likeStock
from twisted_cluster.worker.link import Link
from twisted_cluster.worker.opening import OpeningMixin
from twisted_cluster.worker.ports.register import WorkerPort
from twisted_cluster.worker.programs import SpawningMixin
from twisted_cluster.worker.replacing import Succession
from twisted_cluster.worker.signals import takeOver
from twisted_cluster.worker.vitals import BEAT_EVERY
from twisted_cluster.worker.wires import WorkerWires
from twisted_cluster.worker.wsgi import tellMultiprocess


class ClusterReactorMixin(OpeningMixin, SpawningMixin):
    """
    What a posix reactor does differently in a worker.
    """

    _nextBeat = 0

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
        # What was called may have asked for something that was due by then: a reactor
        # takes what is below nought for never.
        if self._nextBeat < now:
            self._nextBeat = now

    def beatBy(self, due: int) -> None:
        """
        Let the next beat be no later.

        @param due: Monotonic nanoseconds.
        """
        if due < self._nextBeat:
            self._nextBeat = due

    def sigTerm(self, number: int, frame: FrameType | None = None) -> None:
        self.clusterLink.noteTold()
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
    mixin = (
        AsyncioReactorMixin if hasattr(reactor, "_reschedule") else ClusterReactorMixin
    )
    base, *lean = leaner(type(reactor))
    reactor.__class__ = likeStock(base, mixin, *lean)
    begin(reactor)


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
    if announcement.most:
        lowerLimit(announcement.most)
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
        breakpoints = Breakpoints(wires.page, announcement.terminal)
        sys.breakpointhook = breakpoints
        whenImported("pdb", breakpoints.changePdb)
