"""
One worker process: its wires, its messages, its life.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_cluster.core import messages
from twisted_cluster.core.codecs import codecNamed
from twisted_cluster.core.frames import Frame
from twisted_cluster.core.lifecycle import Effects, newLifecycle
from twisted_cluster.core.messages import Message
from twisted_cluster.errors import ChannelClosedError, MessageError
from twisted_cluster.primary.door.hands import WorkerHandle
from twisted_cluster.primary.ground import Ground
from twisted_cluster.primary.lives.recipe import Recipe
from twisted_cluster.primary.lives.signals import deafToInterrupts, nameOf
from twisted_cluster.primary.lives.watcher import Watcher
from twisted_cluster.talk.peer import Ears, Peer
from twisted_cluster.wire.channel import Channel
from twisted_cluster.wire.descriptors import WIRES
from twisted_cluster.wire.handoff import HandoffQueue, receive
from twisted_cluster.wire.mail import Mail
from twisted_cluster.wire.reader import Reader
from twisted_cluster.wire.tallies import Tally

log = Logger()
GRACE = 2.0
TURN = 64
LONGEST_WHY = 200


class WorkerProcess(ProcessProtocol):
    """
    Spawns one worker, answers it, hears it out, and buries it.

    @ivar number: Its slot, from 1.
    @ivar id: Counts the primary's workers, from 1; never used again.
    @ivar pid: The process, or L{None} before.
    @ivar output: What it writes.
    @ivar peer: Users' messages to it and from it.
    @ivar exitCode: What it ended with, or L{None}.
    @ivar exitSignal: The name of the signal that ended it, or L{None}.
    """

    pid: int | None = None
    exitCode: int | None = None
    exitSignal: str | None = None

    def __init__(
        self, ground: Ground, number: int, id: int, recipe: Recipe, watcher: Watcher
    ) -> None:
        self.number = number
        self.id = id
        self._ground = ground
        self._reactor = ground.reactor
        self._recipe = recipe
        self._listeners = ground.listeners
        self._dispatcher = ground.dispatcher
        self._watcher = watcher
        self.onlineAt: float | None = None
        self._overdue: Any = None
        self._connected = False
        self._readers: list[Reader] = []
        giveUp = self._sendDrain if recipe.outgoing else self.kill
        self.life = newLifecycle(
            Effects(
                self._enter, self._leave, self._sendDrain, giveUp, self.kill, self._bury
            )
        )

    @property
    def name(self) -> str:
        """
        What the log calls it.
        """
        return f"worker {self.number} ({self.pid})"

    def spawn(self) -> None:
        """
        Start the process.

        @raise OSError: If the system has no room for one.
        """
        recipe = self._recipe
        self.output = recipe.newOutput(self._reactor, lambda: self.name)
        theirs: list[Any] = []
        try:
            theirs = self._makeWires()
            streams = self.output.childFDs()
            first = max(streams) + 1
            wires = {first + wire: end.fileno() for wire, end in zip(WIRES, theirs)}
            with deafToInterrupts():
                process = self._reactor.spawnProcess(
                    self,
                    sys.executable,
                    [sys.executable, *recipe.command],
                    env=recipe.environmentOf(self.number, self.id, first, self._tallies),
                    path=recipe.directory,
                    uid=recipe.uid,
                    gid=recipe.gid,
                    childFDs={**streams, **wires},
                )
        except BaseException:
            self.output.finish()
            self._cutWires()
            raise
        finally:
            self.output.spawned(self)
            for end in theirs[:1] + theirs[3:]:
                end.close()
        self.pid = process.pid
        log.info("{worker} is started", worker=self.name)

    def _makeWires(self) -> list[Any]:
        """
        Make the queue, the channel and the mail stream, and read them.

        @return: What the worker is to inherit, in the order of L{WIRES}.
        """
        scoreboard = self._ground.scoreboard
        assert scoreboard is not None, "there is no ground to stand on"
        scoreboard.clear(self.number)
        self._tallies = scoreboard.tallies
        codec = codecNamed(self._recipe.serialization)
        with ExitStack() as undo:
            self._queue = HandoffQueue()
            undo.callback(self._queue.close)
            self._channel, channel = Channel.pair()
            undo.callback(self._channel.close)
            undo.callback(channel.close)
            ours, mail = Mail.pair()
            undo.pop_all()
        row = scoreboard.row(self.number)
        post = self._recipe.postOf(self.id)
        self.handle = WorkerHandle(self.number, row, self._queue, post)
        if scoreboard.tallies:
            most = self._ground.limits.worker
            self.handle.tally = Tally(scoreboard.tally(self.number), most)
        ears = Ears(self._hearTopic, self._mailEnded, self._readEarlier)
        self.peer = Peer(self._reactor, ours, codec, ears)
        self._readers = [
            Reader(self._channel.fileno, self._readMessages),
            Reader(self._queue.end.fileno, self._readBounced),
        ]
        for reader in self._readers:
            self._reactor.addReader(reader)
        self._connected = True
        return [channel, self._queue.worker, scoreboard, mail]

    def _cutWires(self) -> None:
        if not self._readers:
            return
        self._disconnected()
        self._reactor.removeReader(self._readers[1])
        self._channel.close()
        self._queue.close()

    @property
    def isConnected(self) -> bool:
        """
        Whether it can be told anything.
        """
        return self._connected

    def retire(self) -> None:
        """
        End it with grace; after the drain time-out, without.
        """
        self._expectEnd()
        self.life.retire()

    def disconnect(self) -> None:
        """
        Close the channel, as if this primary were gone.
        """
        self._expectEnd()
        self.life.leaving()
        self._disconnected()
        self._channel.close()

    def signalProcess(self, number: int) -> None:
        """
        Send a signal. A process that has ended already is let be.
        """
        if self.transport is not None:
            try:
                self.transport.signalProcess(number)
            except ProcessExitedAlready:
                pass

    def kill(self) -> None:
        """
        End it now.
        """
        self.signalProcess(signal.SIGKILL)

    def childDataReceived(self, fd: int, data: bytes) -> None:
        """
        It has written to a pipe.
        """
        self.output.received(fd, data)

    def childConnectionLost(self, fd: int) -> None:
        """
        It has closed a pipe.
        """
        self.output.closed(fd)

    def processExited(self, reason: Failure) -> None:
        """
        The process is gone.
        """
        status: Any = reason.value
        self.exitCode = status.exitCode if status.signal is None else None
        self.exitSignal = nameOf(status.signal)
        self.life.exited()

    def _expectEnd(self) -> None:
        if self._overdue is None:
            patience = self._recipe.drainTimeout + GRACE
            self._overdue = self._reactor.callLater(patience, self.life.overdue)

    def _enter(self) -> None:
        self.onlineAt = self._reactor.seconds()
        self.output.release()
        log.info("{worker} is online", worker=self.name)
        self._dispatcher.addWorker(self.handle)
        self._watcher.online(self)

    def _leave(self) -> None:
        self._dispatcher.removeWorker(self.handle)
        self._listeners.retire(self.handle)

    def _sendDrain(self) -> None:
        # What was sent to it before it is to hear first.
        self.peer.mail.flushed().addCallback(lambda _: self._sendDrainNow())

    def _sendDrainNow(self) -> None:
        if self._connected:
            try:
                self._channel.send(messages.Drain(self._recipe.drainTimeout))
            except ChannelClosedError as error:
                # It is ending already; if it is only stuck, it will soon be overdue.
                log.debug("{worker} is not told: {error}", worker=self.name, error=error)

    def _bury(self, asked: bool) -> None:
        if self._overdue is not None and self._overdue.active():
            self._overdue.cancel()
        self._readMessages()
        self.output.finish()
        ending = f"exited with {self.exitCode}"
        if self.exitSignal is not None:
            ending = f"was ended by {self.exitSignal}"
        (log.info if asked else log.error)(
            "{worker} {ending}", worker=self.name, ending=ending
        )
        self._dispatcher.forgetWorker(self.handle)
        self._listeners.forget(self.handle)
        self._readBounced()
        self._cutWires()
        self._watcher.gone(self, asked)

    def _disconnected(self) -> None:
        """
        It is told nothing more; what it has not taken others get.
        """
        if not self._connected:
            return
        self._connected = False
        self._reactor.removeReader(self._readers[0])
        self.peer.finish()
        self.peer.close()
        self._ground.exchange.leave(self.id)
        self._leave()
        self._dispatcher.redirect(self.handle.takeBack())
        self._watcher.disconnected(self)

    def _readEarlier(self) -> None:
        if self._channel.hasCome():
            self._readMessages()

    def _readMessages(self) -> None:
        try:
            for _ in range(TURN):
                if not self._connected:
                    return
                self._take(*self._channel.receive())
        except BlockingIOError:
            pass
        except MessageError as error:
            log.error("{worker}: {error}; killed", worker=self.name, error=error)
            self.kill()
        except ChannelClosedError:
            # It ends, or has closed what it cannot do without.
            self._expectEnd()
            self.life.leaving()
            self._disconnected()

    def _hearTopic(self, frame: Frame) -> None:
        self._ground.exchange.take(self.id, self.peer, frame)

    def _mailEnded(self, error: Exception) -> None:
        if isinstance(error, MessageError):
            log.error("{worker}: {error}; killed", worker=self.name, error=error)
            self.kill()

    def _take(self, message: Message, fd: int | None) -> None:
        if fd is not None:
            os.close(fd)
        answer = self._ANSWERS.get(type(message))
        if answer is None:
            raise MessageError(f"a worker does not say {message}")
        answer(self, message)

    def _readBounced(self) -> None:
        try:
            for _ in range(TURN):
                returned = receive(self._queue.end)
                if not returned:
                    break
                self._dispatcher.redirect(returned)
        except BlockingIOError:
            pass
        except OSError:
            self._reactor.removeReader(self._readers[1])

    def _listen(self, question: messages.Listen) -> None:
        try:
            listener = self._listeners.join(self.handle, question)
        except Exception as error:
            # Not only OSError: a name that is none, a number that is too large.
            number = getattr(error, "errno", None) or errno.EINVAL
            why = getattr(error, "strerror", None) or str(error)
            self._answer(messages.Answer(question.question, 0, number, why[:LONGEST_WHY]))
        else:
            answer = messages.Answer(
                question.question, listener.number, mode=listener.mode
            )
            self._answer(answer, listener.descriptorFor(self.handle))

    def _answer(self, answer: messages.Answer, *fds: int) -> None:
        try:
            self._channel.send(answer, fds)
        except ChannelClosedError:
            self.kill()

    def _unlisten(self, message: messages.Unlisten) -> None:
        self._listeners.leave(self.handle, message.listener)
        self._answer(messages.Answer(message.question, message.listener))

    def _pause(self, message: messages.Pause) -> None:
        self._listeners.pause(self.handle, message.listener, message.paused)

    def _born(self, message: messages.Born) -> None:
        self._watcher.born(self)

    def _limit(self, message: messages.Limit) -> None:
        self._listeners.limit(self.handle, message.listener, message.willing)

    def _listening(self, message: messages.Listening) -> None:
        self._watcher.listening(self, message)

    def _online(self, message: messages.Online) -> None:
        self.life.online()

    def _room(self, message: messages.Room) -> None:
        self._dispatcher.changed()

    def _leaving(self, message: messages.Leaving) -> None:
        self._watcher.leaving(self, message.planned)
        self._expectEnd()
        self.life.leaving()

    _ANSWERS: Mapping[type, Callable[[WorkerProcess, Any], None]] = {
        messages.Listen: _listen,
        messages.Unlisten: _unlisten,
        messages.Pause: _pause,
        messages.Born: _born,
        messages.Limit: _limit,
        messages.Listening: _listening,
        messages.Online: _online,
        messages.Room: _room,
        messages.Leaving: _leaving,
    }
