"""
Carries out how this worker ends, as L{twisted_cluster.worker.ending} says.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable

from twisted.internet.error import ReactorNotRunning
from twisted.internet.tcp import BaseClient
from twisted.logger import Logger

from twisted_cluster.core.messages import Leaving
from twisted_cluster.reactors import IClusterReactor
from twisted_cluster.talk.peer import Peer
from twisted_cluster.wire.descriptors import Announcement
from twisted_cluster.worker.ending import EndingEffects, newEnding
from twisted_cluster.worker.halting import endStop
from twisted_cluster.worker.intake import Intake
from twisted_cluster.worker.manners.drains import Drains
from twisted_cluster.worker.manners.leave import LeaveTaking
from twisted_cluster.worker.ports.register import Register

log = Logger()
# Seconds, doubled each time: it takes some 10 ms, or more where there is much.
COLLECT_AFTER = 0.5
# Within which a primary that turns has answered; it waits for no worker.
ANSWER = 2.0


class Departure:
    """
    @ivar isServing: Whether this worker is to go on.
    @ivar isConnected: Whether the channel is open.
    @ivar planned: Whether this worker is to end, by its own will or the primary's.
    @ivar signalled: The signal that it was told to end with, or L{None}.
    @ivar services: What of the application's services is to be told.
    """

    # Facts, and no questions to the machine: who hears of a step may ask within it.
    isServing = True
    isConnected = True
    planned = False
    signalled: int | None = None
    _wasSignalled = False

    def __init__(
        self,
        reactor: IClusterReactor,
        told: Announcement,
        register: Register,
        intake: Intake,
        peer: Peer,
        disconnected: Callable[[], None],
    ) -> None:
        """
        @param reactor: With monotonic timers.
        @param disconnected: Called when the channel is closed.
        """
        self._reactor = reactor
        self._told = told
        self._register = register
        self._intake = intake
        self._peer = peer
        self._disconnected = disconnected
        self.services: Callable[[], Iterable[object]] = tuple
        self._drains = Drains(self._connectionEnded)
        self._leaveTaking = LeaveTaking(reactor, register, self._drains)
        self._isToTell = False
        self._isStopping = False
        self._ending = newEnding(
            EndingEffects(
                self._plan,
                self._remember,
                self._sayLeaving,
                self._awaitAnswer,
                self._drain,
                self._flush,
                self._disconnect,
                self._look,
                self._stop,
            )
        )

    def drain(self, timeout: float) -> None:
        """
        Serve what there is, and end, as the primary wants.

        @param timeout: End after so many seconds all the same.
        """
        self._ending.told(timeout)

    def release(self, timeout: float) -> None:
        """
        The same, as this worker was told by a signal before.
        """
        self._ending.released(timeout)

    def hold(self) -> None:
        """
        The primary will say when this worker, which was sent a signal, is to end.
        """
        self._ending.held()

    def leave(self) -> None:
        """
        The same, because this worker wants it.
        """
        self._ending.leave()

    def signal(self, number: int) -> None:
        """
        The same, because of a signal. Again: end now.
        """
        # Where all processes are told at once, the primary may be first to tell this one.
        isFirst, self._wasSignalled = not self._wasSignalled, True
        if self.isServing or not isFirst:
            self._ending.signalled(number)

    def abandon(self) -> None:
        """
        The same; there is no primary, or it is to be told nothing more.
        """
        self._ending.cutOff()

    def breakOff(self) -> None:
        """
        The application cannot start: stop the reactor, as one that stops it by itself.
        """
        self._reactor.callWhenRunning(self._stopReactor)

    def quit(self) -> None:
        """
        End now, because this worker wants it.
        """
        self._ending.kill()

    def tick(self) -> None:
        """
        Some time has passed.
        """
        if not self.isServing:
            self._leaveTaking.look()
            if not self.isConnected:
                self._look()

    def _isIdle(self) -> bool:
        page = self._register.page
        isTold = not (self._isToTell or self._drains.pending)
        return isTold and page.opened <= page.closed

    def _plan(self) -> None:
        self.planned = True

    def _remember(self, number: int) -> None:
        self.signalled = number

    def _sayLeaving(self) -> None:
        self._register.control.say(Leaving(self.planned))

    def _awaitAnswer(self) -> None:
        self._reactor.callLater(ANSWER, self._ending.unanswered)

    def _drain(self, timeout: float | None) -> None:
        self.isServing = False
        patience = self._told.drainTimeout if timeout is None else timeout
        self._reactor.callLater(patience, self._runOutOfTime, patience)
        self._register.ended.append(self._connectionEnded)
        # In the next turn: what is told may ask for an end itself.
        self._isToTell = True
        self._reactor.callFromThread(self._takeLeave)
        with self._register.orphans.attended():
            self._intake.readNow()
            self._release()
        self._connectionEnded()
        self._reactor.callLater(COLLECT_AFTER, self._collect, COLLECT_AFTER)

    def _takeLeave(self) -> None:
        self._isToTell = False
        try:
            self._leaveTaking.begin(self.services())
        except BaseException:
            log.failure("whom this worker serves could not be told that it drains")
        self._connectionEnded()

    def _collect(self, pause: float) -> None:
        """
        A connection that somebody has let go of counts as open until it is collected, and
        who only waits collects no rubbish by itself.
        """
        if not self._isIdle():
            gc.collect()
            self._reactor.callLater(2 * pause, self._collect, 2 * pause)

    def _release(self) -> None:
        for port in self._register.all():
            try:
                port.release()
            except BaseException:
                log.failure("a port could not be let go of")

    def _runOutOfTime(self, patience: float) -> None:
        if self._isStopping:
            # What was cut has been counted, and is being closed.
            return
        left = self._countCut()
        # The primary says so, when this is gone.
        log.debug(
            "{seconds:g} s to finish are over: {count} connections are cut",
            seconds=patience,
            count=left,
        )
        for name in sorted(set(self._drains.pending)):
            log.warn(
                "{seconds:g} s to drain are over, and {name} has not finished",
                seconds=patience,
                name=name,
            )
        self._ending.overdue()

    def _countCut(self) -> int:
        page = self._register.page
        page.cut = left = max(0, page.opened - page.closed)
        return left

    def _connectionEnded(self) -> None:
        if self._isIdle():
            # In the next turn: who calls this may not have ended yet.
            self._reactor.callFromThread(self._endIfIdle)

    def _endIfIdle(self) -> None:
        self._intake.readNow()
        if self._isIdle():
            self._ending.idle()

    def _flush(self) -> None:
        self._peer.mail.flushed().addCallback(lambda _: self._ending.flushed())

    def _disconnect(self) -> None:
        self.isConnected = False
        unsaid = self._peer.mail.waiting
        if unsaid:
            log.warn(
                "{count} bytes of messages are dropped: the primary has not read them",
                count=unsaid,
            )
        self._register.control.close()
        self._peer.close()
        self._disconnected()

    def _look(self) -> None:
        if self._isIdle() and not self._hasOutgoing():
            self._ending.alone()

    def _hasOutgoing(self) -> bool:
        if not self._told.outgoing:
            return False
        open_ = [*self._reactor.getReaders(), *self._reactor.getWriters()]
        return any(isinstance(one, BaseClient) for one in open_)

    def _stop(self) -> None:
        self.isServing = False
        self._isStopping = True
        # Before the reactor closes them.
        self._countCut()
        # As soon as it runs.
        self._reactor.callWhenRunning(self._stopReactor)

    def _stopReactor(self) -> None:
        patience = self._told.stopTimeout
        self._reactor.callLater(patience, self._stopAnyhow, patience)
        try:
            self._reactor.stop()
        except ReactorNotRunning:
            log.debug("the application has stopped the reactor itself")

    def _stopAnyhow(self, patience: float) -> None:
        log.warn(
            "{seconds:g} s to stop are over: this worker ends, though its application "
            "has not finished",
            seconds=patience,
        )
        endStop(self._reactor)
