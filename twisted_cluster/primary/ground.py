"""
What all workers of one primary stand on: ports, dispatch, topics, the scoreboard.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall, deferLater

from twisted_cluster.events import NO_LIMITS, Limits
from twisted_cluster.interfaces import ISchedulingPolicy
from twisted_cluster.primary.door.dispatch import Dispatcher
from twisted_cluster.primary.lives.reaping import reapStrangers
from twisted_cluster.primary.ports.table import ListenerTable
from twisted_cluster.talk.exchange import Exchange
from twisted_cluster.wire.scoreboard import Scoreboard
from twisted_cluster.wire.tallies import talliesFor

LOOK = 0.05
CATCH_UP = 1.0


class Ground:
    """
    @ivar scoreboard: There between L{start} and L{rest}.
    """

    scoreboard: Scoreboard | None = None

    def __init__(
        self,
        reactor: Any,
        newPolicy: Callable[[], ISchedulingPolicy | None],
        slots: int,
        backlog: int,
        keep: bool = True,
        descriptors: bool = False,
        limits: Limits = NO_LIMITS,
    ) -> None:
        """
        @param newPolicy: Makes one listener's policy, or L{None}: the kernel chooses.
        @param slots: The most workers at a time.
        @param backlog: The least backlog of every listener.
        @param keep: Whether ports wait for the replacement of a worker that is gone.
        @param limits: How many connections are served at a time.
        @param descriptors: Whether workers may listen on descriptors of this process.
        """
        self.reactor = reactor
        self.slots = slots
        self.limits = limits
        self.dispatcher = Dispatcher(reactor, newPolicy, time.monotonic_ns, limits)
        self.listeners = ListenerTable(self.dispatcher, backlog, keep, descriptors)
        self.exchange = Exchange()
        self._calls = [LoopingCall(self.dispatcher.look), LoopingCall(reapStrangers)]
        for call in self._calls:
            call.clock = reactor

    def start(self) -> None:
        """
        Be ready for workers.
        """
        self.scoreboard = Scoreboard.create(self.slots, talliesFor(self.limits))
        look, reap = self._calls
        look.start(LOOK, now=False)
        if os.getpid() == 1:
            reap.start(1.0, now=False)

    async def stop(
        self,
        workers: Callable[[], Iterable[Any]],
        retireAll: Callable[[], Deferred[None]],
    ) -> None:
        """
        Hand over what has come in, stop listening, let workers finish. A signal that
        comes meanwhile takes the time for that away.

        @param workers: Those that there are just now.
        @param retireAll: Ends all workers; fires when they are gone.
        """
        self._hurryOnSignal(lambda: [worker.kill() for worker in list(workers())])
        deadline = self.reactor.seconds() + CATCH_UP
        while not self.dispatcher.drainBacklogs():
            if not list(workers()) or self.reactor.seconds() > deadline:
                break
            await deferLater(self.reactor, LOOK)
        self.listeners.closeAll()
        await retireAll()
        self.rest()

    def _hurryOnSignal(self, hurry: Callable[[], object]) -> None:
        # The reactor would only say that it is stopping already.
        for number in (signal.SIGINT, signal.SIGTERM):
            if callable(signal.getsignal(number)):
                signal.signal(number, lambda *_: self.reactor.callFromThread(hurry))

    def rest(self) -> None:
        """
        There are no workers. L{start} begins again.
        """
        for call in self._calls:
            if call.running:
                call.stop()
        self.dispatcher.rest()
        if self.scoreboard is not None:
            self.scoreboard.close()
            self.scoreboard = None
