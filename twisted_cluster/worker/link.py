"""
A worker's end of its wires, put together.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol, cast

from twisted.logger import Logger

from twisted_cluster.core import frames
from twisted_cluster.core.codecs import codecNamed
from twisted_cluster.core.complaints import Complaints
from twisted_cluster.core.frames import Frame
from twisted_cluster.core.messages import (
    Born,
    Drain,
    Message,
    Online,
    Ready,
    Room,
    Signal,
    Stay,
)
from twisted_cluster.core.topics import Subscriptions
from twisted_cluster.errors import ChannelClosedError, MessageError
from twisted_cluster.reactors import IClusterReactor
from twisted_cluster.talk.ears import Ears, tellSubscribers
from twisted_cluster.talk.peer import Peer
from twisted_cluster.wire.descriptors import Announcement
from twisted_cluster.worker.beats import BeatReactor
from twisted_cluster.worker.control import Control
from twisted_cluster.worker.departure import Departure
from twisted_cluster.worker.descriptors import Descriptors
from twisted_cluster.worker.intake import Intake
from twisted_cluster.worker.ports.counted import Endings
from twisted_cluster.worker.ports.given import GivenSockets
from twisted_cluster.worker.ports.held import JoinedPorts
from twisted_cluster.worker.ports.orphans import Orphans
from twisted_cluster.worker.ports.register import Register
from twisted_cluster.worker.readiness import Readiness
from twisted_cluster.worker.signals import passOn
from twisted_cluster.worker.vitals import Vitals
from twisted_cluster.worker.wires import WorkerWires

log = Logger()


class LinkWatcher(Protocol):
    """
    Who wants to know what happens to the wires.
    """

    def disconnected(self) -> None:
        """
        The channel is closed.
        """

    def missed(self, count: int) -> None:
        """
        So many messages that were published are lost for this worker, which was slow.
        """


class Link:
    """
    @ivar reactor: The cluster reactor.
    @ivar told: What this worker was told at birth.
    @ivar ports: What this worker listens on.
    @ivar peer: The primary, as users' messages see it.
    @ivar subscriptions: Who hears of which topic here.
    @ivar departure: How this worker ends.
    @ivar readiness: Whether it may be offered connections.
    @ivar descriptors: How many it may have.
    """

    def __init__(
        self,
        reactor: IClusterReactor,
        beats: BeatReactor,
        wires: WorkerWires,
        told: Announcement,
    ) -> None:
        """
        Begin to read.

        @param reactor: One that has not run yet.
        @param beats: The same, with timers that are looked at in L{beat}.
        """
        self.told = told
        self.subscriptions = Subscriptions()
        self.reactor = reactor
        self._page = page = wires.page
        self._watchers: list[LinkWatcher] = []
        self._complaints = Complaints(time.monotonic_ns)
        self._beats, steady = beats, cast(IClusterReactor, beats)
        self._control = Control(
            steady, wires.channel, self._hear, self._primaryGone, self._count
        )
        self.descriptors = Descriptors(reactor)
        self._vitals = Vitals(page, wires.queue.fileno, self.descriptors)
        endings = Endings(page, self._tellRoom, self._callFromThread)
        orphans = Orphans(wires.queue.fileno)
        given = GivenSockets(told.sockets)
        expect = self._vitals.expect
        self.ports = Register(self._control, page, endings, orphans, given, expect)
        self._intake = Intake(
            steady, wires.queue, self.ports, self._vitals, self._tellRoom
        )
        ears = Ears(self._hearTopic, self._mailEnded, self._control.readEarlier)
        codec = codecNamed(told.serialization)
        self.peer = Peer(steady, wires.mail, codec, ears, JoinedPorts(reactor))
        self.departure = Departure(
            steady, told, self.ports, self._intake, self.peer, self._tellClosed
        )
        self.readiness = Readiness(self._readinessChanged, self._startFailed)
        self._isOnline = False
        self._staysRead()
        reactor.addSystemEventTrigger("after", "startup", self._sayOnline)

    def _staysRead(self) -> None:
        # removeAll() is for what the application reads.
        internal: set[object] = self.reactor._internalReaders  # type: ignore[attr-defined]
        internal.update([self._control.reader, self._intake.reader, self.peer.mail])

    def watch(self, watcher: LinkWatcher) -> None:
        """
        Tell somebody what happens to the wires.
        """
        self._watchers.append(watcher)

    def beat(self, now: int, late: int) -> None:
        """
        Show life. What fails is tried again with the next beat.

        @param now: Monotonic nanoseconds.
        @param late: By how many nanoseconds the reactor turned later than it meant to.
        """
        try:
            self._vitals.beat(now, late)
            self._beats.beat()
            self.departure.tick()
        except BaseException:
            if self._complaints.isDue():
                log.failure("this worker cannot tell how it is")

    def noteTold(self) -> None:
        """
        A signal tells this worker to end. To be called when it comes: it may be long
        until the reactor turns.
        """
        self._page.told = self._page.told or time.monotonic_ns()

    def sayBorn(self) -> None:
        """
        Tell the primary that this process is there.
        """
        self._control.say(Born())

    def _sayOnline(self) -> None:
        self.beat(time.monotonic_ns(), 0)
        # The asyncio reactor asks for its timeout only after it had a timer.
        self.reactor.callFromThread(lambda: None)
        self._isOnline = True
        self._control.say(Online(self.readiness.isReady))
        self.ports.online()

    def _readinessChanged(self, isReady: bool) -> None:
        self.ports.open(isReady)
        if self._isOnline:
            self._control.say(Ready(isReady))

    def _startFailed(self) -> None:
        # Who is told to end may well give up what it has begun.
        if self.departure.isServing:
            self.departure.breakOff()

    def _callFromThread(self, call: Callable[..., object], *given: object) -> None:
        # Looked up each time: what it does may change with the reactor's kind.
        self.reactor.callFromThread(call, *given)

    def _tellRoom(self) -> None:
        if self._page.waiting:
            self._control.say(Room())

    def _hear(self, message: Message) -> None:
        if isinstance(message, Drain):
            # What was sent before it is to be heard before it.
            self.peer.finish()
            depart = self.departure.drain if message.planned else self.departure.release
            depart(message.timeout)
        elif isinstance(message, Stay):
            self.departure.hold()
        elif isinstance(message, Signal):
            passOn(message.number)

    def _count(self, listener: int, fd: int) -> None:
        self.ports.count(listener, fd)

    def _primaryGone(self) -> None:
        if self.departure.isServing:
            log.error("the primary is gone: this worker finishes and ends")
        self.peer.close(ChannelClosedError("the primary is gone"))
        self.departure.abandon()

    def _hearTopic(self, frame: Frame) -> bool:
        if frame.kind == frames.MISSED:
            for watcher in self._watchers:
                watcher.missed(frame.number)
        elif frame.kind == frames.PUBLISH:
            tellSubscribers(self.subscriptions, frame)
        return True

    def _mailEnded(self, error: Exception) -> None:
        if isinstance(error, MessageError):
            log.error("the primary sends what is no message: {error}", error=error)
            self.departure.abandon()

    def _tellClosed(self) -> None:
        for watcher in self._watchers:
            watcher.disconnected()
