"""
A worker's end of its wires: asks the primary, takes connections, shows life.
"""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.internet.tcp import BaseClient
from twisted.logger import Logger

from twisted_cluster.core import frames, messages
from twisted_cluster.core.codecs import codecNamed
from twisted_cluster.core.frames import Frame
from twisted_cluster.core.messages import Message
from twisted_cluster.core.topics import Subscriptions
from twisted_cluster.errors import ChannelClosedError, MessageError
from twisted_cluster.events import ListenSpec
from twisted_cluster.talk.peer import Ears, Peer, tellSubscribers
from twisted_cluster.wire.channel import Channel
from twisted_cluster.wire.descriptors import (
    CONTROL,
    HANDOFF,
    MAIL,
    SCOREBOARD,
    Announcement,
)
from twisted_cluster.wire.reader import Reader
from twisted_cluster.wire.scoreboard import Row, Scoreboard
from twisted_cluster.worker.inquiry import Inquiry, Joined
from twisted_cluster.worker.intake import Intake
from twisted_cluster.worker.vitals import Vitals

if TYPE_CHECKING:
    from twisted_cluster.worker.ports.streams import DeliveredPort

log = Logger()


class Link:
    """
    @ivar row: This worker's counters.
    @ivar intake: What takes the connections that are handed over.
    @ivar ports: What this worker listens on, by the listener's number.
    @ivar told: What this worker was told at birth.
    @ivar peer: The primary, as users' messages see it.
    @ivar subscriptions: Who hears of which topic here.
    @ivar planned: Whether this worker is to end, by its own will or the primary's.
    @ivar isConnected: Whether the channel is open.
    @ivar signalled: The signal that it was told to end with, or L{None}.
    @ivar disconnected: Called when the channel closes.
    @ivar alone: What it listens on without the primary.
    @ivar meters: What listeners have given it, by number, where that is limited.
    """

    peer: Peer

    def __init__(
        self,
        channel: Channel,
        queue: socket.socket,
        row: Row,
        mail: socket.socket,
        told: Announcement,
        ended: memoryview[int] | None = None,
    ) -> None:
        """
        @param queue: The worker's end of the handoff queue.
        @param mail: The worker's end of the mail stream.
        @param ended: Where the ends of connections are counted, if that matters.
        """
        self.row = row
        self.intake = Intake(queue, row, ended, self.tellRoom)
        self.ports = self.intake.ports
        self.meters = self.intake.meters
        self.told = told
        self.subscriptions = Subscriptions()
        self.planned = False
        self.isConnected = True
        self.signalled: int | None = None
        self.disconnected: Callable[[], None] = lambda: None
        self.missed: Callable[[int], None] = lambda count: None
        self.alone: set[DeliveredPort] = set()
        self._channel = channel
        self._mail = mail
        self._inquiry = Inquiry(channel)
        self.reactor: Any = None
        self._isOnline = False
        self._listening: list[messages.Listening] = []
        self._draining = False
        self._stopping = False
        self._vitals = Vitals(row, channel.fileno)

    @classmethod
    def inherit(cls, told: Announcement) -> Link:
        """
        Use the descriptors that this process was born with.
        """
        board = Scoreboard.inherit(told.first + SCOREBOARD, told.tallies)
        return cls(
            Channel(socket.socket(fileno=told.first + CONTROL)),
            socket.socket(fileno=told.first + HANDOFF),
            board.row(told.slot),
            socket.socket(fileno=told.first + MAIL),
            told,
            board.tally(told.slot),
        )

    def attach(self, reactor: Any) -> None:
        """
        Begin to read, with a reactor.
        """
        self.reactor = reactor
        self._readers = [
            Reader(self._channel.fileno, self._readMessages),
            Reader(self.intake.fileno, self._readConnections),
        ]
        ears = Ears(self._hearTopic, self._mailEnded, self._readEarlier)
        codec = codecNamed(self.told.serialization)
        self.peer = Peer(reactor, self._mail, codec, ears)
        for reader in self._readers:
            reactor.addReader(reader)
        # removeAll() is for what the application reads.
        reactor._internalReaders.update([*self._readers, self.peer.mail])
        reactor.addSystemEventTrigger("after", "startup", self._sayOnline)

    def beat(self, now: int, late: int) -> None:
        """
        Show life.

        @param now: Monotonic nanoseconds.
        @param late: By how many nanoseconds the reactor turned later than it meant to.
        """
        self._vitals.beat(now, late)
        if self._draining and not self.isConnected:
            self._stopIfAlone()

    # Listening

    def listen(self, spec: ListenSpec, room: int | None = None) -> Joined:
        """
        Ask the primary to listen, and wait for its answer.

        @param room: How many connections to be given to begin with; L{None} is any
            number.
        @raise OSError: The primary's bind failed, or there is no primary.
        """
        ordinal = self._freeOrdinal(spec) if spec.port == 0 else 0
        try:
            answer, fd = self._ask(messages.Listen, spec, ordinal, os.getcwd(), room)
        except ChannelClosedError as error:
            raise OSError(errno.ECONNRESET, f"the primary is gone: {error}") from error
        if fd is None:
            raise OSError(answer.errno, answer.reason)
        return Joined(answer.listener, ordinal, fd, answer.mode)

    def allPorts(self) -> list[DeliveredPort]:
        """
        What this worker listens on.
        """
        return [*self.ports.values(), *self.alone]

    def unlisten(self, number: int) -> None:
        """
        Have the primary close a port, and wait until it has: then it is as free, and
        its file and lock are as gone, as a stock port's would be.
        """
        self.ports.pop(number, None)
        try:
            self._ask(messages.Unlisten, number)
        except (ChannelClosedError, TimeoutError):
            log.debug("the primary is gone, and so is listener {n}", n=number)

    def pause(self, number: int, paused: bool) -> None:
        """
        Tell the primary that a port takes nothing for now, or takes again.
        """
        self._tell(messages.Pause(number, paused))

    def limit(self, number: int, willing: int | None) -> bool:
        """
        Tell the primary how many connections to be given, in all.

        @return: Whether it was told.
        """
        return self._tell(messages.Limit(number, willing))

    def sayListening(self, message: messages.Listening) -> None:
        """
        Tell the primary that a port is open, as soon as it can be served.
        """
        if self._isOnline:
            self._tell(message)
        else:
            self._listening.append(message)

    def _freeOrdinal(self, spec: ListenSpec) -> int:
        taken = [p.ordinal for p in self.ports.values() if p.spec == spec]
        return min(set(range(len(taken) + 1)) - set(taken))

    def _ask(self, kind: Any, *fields: Any) -> tuple[messages.Answer, int | None]:
        answer = self._inquiry.ask(kind, *fields)
        if self._inquiry.postponed:
            self.reactor.callFromThread(self._readMessages)
        return answer

    def _tell(self, message: Message) -> bool:
        try:
            self._channel.send(message)
        except ChannelClosedError:
            log.debug("the primary is gone: it is not told {message}", message=message)
            return False
        return True

    # Messages

    def sayBorn(self) -> None:
        """
        Tell the primary that this process is there.
        """
        self._tell(messages.Born())

    def _sayOnline(self) -> None:
        self.beat(time.monotonic_ns(), 0)
        # The asyncio reactor asks for its timeout only after it had a timer.
        self.reactor.callFromThread(lambda: None)
        self._tell(messages.Online())
        self._isOnline = True
        for message in self._listening:
            self._tell(message)
        self._listening.clear()

    def _readEarlier(self) -> None:
        if self._inquiry.hasCome():
            self._readMessages()

    def _readMessages(self) -> None:
        try:
            while self.isConnected:
                message, fd = self._inquiry.receive()
                if fd is not None:
                    os.close(fd)
                if isinstance(message, messages.Drain):
                    self.planned = True
                    # What was sent before it is to be heard before it.
                    self.peer.finish()
                    self.drain(message.timeout)
        except BlockingIOError:
            pass
        except ChannelClosedError:
            if not self._draining:
                log.error("the primary is gone: this worker finishes and ends")
            self.abandon()

    def _hearTopic(self, frame: Frame) -> None:
        if frame.kind == frames.MISSED:
            self.missed(frame.number)
        elif frame.kind == frames.PUBLISH:
            tellSubscribers(self.subscriptions, frame)

    def _mailEnded(self, error: Exception) -> None:
        if isinstance(error, MessageError):
            log.error("the primary sends what is no message: {error}", error=error)
            self.abandon()

    def _stopReading(self, which: int) -> None:
        self.reactor._internalReaders.discard(self._readers[which])
        self.reactor.removeReader(self._readers[which])

    def tellRoom(self) -> None:
        """
        There is room for more; the primary is told if it waits for that.
        """
        if self.row.waiting:
            self._tell(messages.Room())

    def _readConnections(self) -> None:
        if not self.intake.read():
            self._stopReading(1)

    # Ending

    def leave(self, number: int | None = None) -> None:
        """
        End with grace, though the primary has not asked for it. Again: without.

        @param number: The signal that asked for it; L{None}: this worker wants it.
        """
        if self._draining:
            self.stop()
            return
        self.signalled = number
        self.planned = self.planned or number is None
        self._tell(messages.Leaving(self.planned))
        self.drain(self.told.drainTimeout)

    def abandon(self) -> None:
        """
        End with grace; there is no primary, or it is to be told nothing more.
        """
        self._disconnect()
        self.drain(self.told.drainTimeout)

    def quit(self) -> None:
        """
        End now, because this worker wants it.
        """
        self.planned = True
        self._tell(messages.Leaving(True))
        self.stop()

    def drain(self, timeout: float) -> None:
        """
        Take what has been handed over already, serve it to the end, and stop.

        @param timeout: Stop after so many seconds all the same.
        """
        if self._draining:
            return
        self._draining = True
        self._readConnections()
        for port in self.allPorts():
            port.release()
        self.reactor.callLater(timeout, self.stop)
        self.connectionClosed()

    def connectionClosed(self) -> None:
        """
        A connection has ended; if it was the last one, so may this worker.
        """
        if self._draining and self.row.opened <= self.row.closed:
            self.reactor.callLater(0, self._endIfIdle)

    def _endIfIdle(self) -> None:
        self._readConnections()
        if self.row.opened <= self.row.closed:
            flushed = self.peer.mail.flushed()
            flushed.addCallback(lambda _: self._disconnect())
            flushed.addCallback(lambda _: self._stopIfAlone())

    def _disconnect(self) -> None:
        """
        Close the channel, or know that it is closed.
        """
        if self.isConnected:
            self.isConnected = False
            self._stopReading(0)
            self.reactor._internalReaders.discard(self.peer.mail)
            self.peer.close()
            self._channel.close()
            self.disconnected()

    def _stopIfAlone(self) -> None:
        if self.row.opened <= self.row.closed and not self._hasOutgoing():
            self.stop()

    def _hasOutgoing(self) -> bool:
        reactor = self.reactor
        open_ = (
            [*reactor.getReaders(), *reactor.getWriters()] if self.told.outgoing else ()
        )
        return any(isinstance(one, BaseClient) for one in open_)

    def stop(self) -> None:
        """
        Stop the reactor, as soon as it runs.
        """
        if not self._stopping:
            self._stopping = True
            self._disconnect()
            self.reactor.callWhenRunning(self.reactor.stop)
