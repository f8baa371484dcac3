"""
One worker process: its wires, its messages, its life.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import frozen
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_cluster.core import messages
from twisted_cluster.core.lifecycle import Effects, newLifecycle
from twisted_cluster.core.messages import Message
from twisted_cluster.errors import ChannelClosedError, MessageError
from twisted_cluster.primary.dispatch import Dispatcher
from twisted_cluster.primary.listeners import ListenerTable
from twisted_cluster.primary.logs import Output
from twisted_cluster.primary.worker_handle import WorkerHandle
from twisted_cluster.wire.channel import Channel
from twisted_cluster.wire.descriptors import CONTROL, HANDOFF, SCOREBOARD, Announcement
from twisted_cluster.wire.handoff import HandoffQueue, receive
from twisted_cluster.wire.reader import Reader
from twisted_cluster.wire.scoreboard import Scoreboard

log = Logger()
GRACE = 2.0
TURN = 64


@frozen
class Recipe:
    """
    What every worker is made of.

    @ivar arguments: What follows C{python -m twisted_cluster.worker}.
    @ivar reactor: The short name of the workers' reactor.
    @ivar drainTimeout: How long a worker may finish what it serves, in seconds.
    """

    arguments: Sequence[str]
    reactor: str = "default"
    drainTimeout: float = 30.0


class WorkerProcess(ProcessProtocol):
    """
    Spawns one worker, answers it, hears it out, and buries it.

    @ivar number: Its slot, from 1.
    @ivar pid: The process, or L{None} before and after.
    @ivar output: What it writes.
    """

    pid: int | None = None

    def __init__(
        self,
        reactor: Any,
        number: int,
        recipe: Recipe,
        scoreboard: Scoreboard,
        listeners: ListenerTable,
        dispatcher: Dispatcher,
        wentOnline: Callable[[WorkerProcess], None],
        wentAway: Callable[[WorkerProcess, bool], None],
    ) -> None:
        """
        @param wentOnline: Called when its application has started.
        @param wentAway: Called when it is gone, with whether that was asked for.
        """
        self.number = number
        self._reactor = reactor
        self._recipe = recipe
        self._scoreboard = scoreboard
        self._listeners = listeners
        self._dispatcher = dispatcher
        self._wentOnline = wentOnline
        self._wentAway = wentAway
        self.onlineAt: float | None = None
        self._overdue: Any = None
        self._ending = "is gone"
        self.life = newLifecycle(
            Effects(self._enter, self._leave, self._sendDrain, self.kill, self._bury)
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
        theirs = self._makeWires()
        reading, writing = os.pipe()
        self.output = Output(self._reactor, lambda: self.name, reading)
        nothing = os.open(os.devnull, os.O_RDONLY)
        try:
            process = self._reactor.spawnProcess(
                self,
                sys.executable,
                [sys.executable, "-m", "twisted_cluster.worker", *self._recipe.arguments],
                env=self._environment(),
                childFDs={
                    0: nothing,
                    1: writing,
                    2: writing,
                    CONTROL: theirs.fileno(),
                    HANDOFF: self._queue.worker.fileno(),
                    SCOREBOARD: self._scoreboard.fd,
                },
            )
        except OSError:
            self.output.finish()
            self._cutWires()
            raise
        finally:
            theirs.close()
            os.close(writing)
            os.close(nothing)
        self.pid = process.pid

    def _makeWires(self) -> socket.socket:
        """
        Make the queue and the channel, and read them.

        @return: The worker's end of the channel.
        """
        row = self._scoreboard.row(self.number)
        row.clear()
        self._queue = HandoffQueue()
        self.handle = WorkerHandle(self.number, row, self._queue)
        self._channel, theirs = Channel.pair()
        self._readers = [
            Reader(self._channel.fileno, self._readMessages),
            Reader(self._queue.end.fileno, self._readBounced),
        ]
        for reader in self._readers:
            self._reactor.addReader(reader)
        return theirs

    def _cutWires(self) -> None:
        for reader in self._readers:
            self._reactor.removeReader(reader)
        self._channel.close()
        self._queue.close()

    def _environment(self) -> Mapping[str, str]:
        told = Announcement(self.number, self._recipe.reactor, self._recipe.drainTimeout)
        return {**os.environ, **told.toEnvironment()}

    def retire(self) -> None:
        """
        End it with grace; after the drain time-out, without.
        """
        self._expectEnd()
        self.life.retire()

    def kill(self) -> None:
        """
        End it now.
        """
        if self.transport is not None:
            try:
                self.transport.signalProcess("KILL")
            except ProcessExitedAlready:
                pass

    def processEnded(self, reason: Failure) -> None:
        """
        The process is gone.
        """
        status: Any = reason.value
        if status.signal is not None:
            self._ending = f"was ended by {signal.Signals(status.signal).name}"
        else:
            self._ending = f"exited with {status.exitCode}"
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
        self._wentOnline(self)

    def _leave(self) -> None:
        self._dispatcher.removeWorker(self.handle)

    def _sendDrain(self) -> None:
        try:
            self._channel.send(messages.Drain(self._recipe.drainTimeout))
        except ChannelClosedError:
            self.kill()

    def _bury(self, asked: bool) -> None:
        if self._overdue is not None and self._overdue.active():
            self._overdue.cancel()
        self.output.finish()
        (log.info if asked else log.error)(
            "{worker} {ending}", worker=self.name, ending=self._ending
        )
        self._dispatcher.removeWorker(self.handle)
        self._listeners.forget(self.handle)
        self._readBounced()
        self._dispatcher.redirect(self.handle.takeBack())
        self._cutWires()
        self._wentAway(self, asked)

    def _readMessages(self) -> None:
        try:
            for _ in range(TURN):
                self._take(*self._channel.receive())
        except BlockingIOError:
            pass
        except MessageError as error:
            log.error("{worker}: {error}; killed", worker=self.name, error=error)
            self.kill()
        except ChannelClosedError:
            # It ends, or has closed what it cannot do without.
            self._reactor.removeReader(self._readers[0])
            self._leave()
            self._expectEnd()
            self.life.leaving()

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
        except OSError as error:
            answer = messages.Answer(
                question.question, 0, error.errno or 1, error.strerror or str(error)
            )
            self._answer(answer)
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

    def _limit(self, message: messages.Limit) -> None:
        self._listeners.limit(self.handle, message.listener, message.willing)

    def _listening(self, message: messages.Listening) -> None:
        pass

    def _online(self, message: messages.Online) -> None:
        self.life.online()

    def _room(self, message: messages.Room) -> None:
        self._dispatcher.changed()

    def _leaving(self, message: messages.Leaving) -> None:
        self._expectEnd()
        self.life.leaving()

    _ANSWERS: Mapping[type, Callable[[WorkerProcess, Any], None]] = {
        messages.Listen: _listen,
        messages.Unlisten: _unlisten,
        messages.Pause: _pause,
        messages.Limit: _limit,
        messages.Listening: _listening,
        messages.Online: _online,
        messages.Room: _room,
        messages.Leaving: _leaving,
    }
