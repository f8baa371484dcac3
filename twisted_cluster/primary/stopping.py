"""
How a primary stops: one sequence, each step of which is taken whatever became of the
one before.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence

from attrs import Factory, define
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import deferLater
from twisted.logger import Logger

from twisted_cluster.core.endings import whatWasCut
from twisted_cluster.core.words import duration
from twisted_cluster.primary.hurry import Hurry
from twisted_cluster.primary.lives.process import WorkerProcess
from twisted_cluster.primary.lives.told import namesOf
from twisted_cluster.primary.pulse import LOOK, Pulse
from twisted_cluster.wire.repeating import Repeating

log = Logger()

# What the kernel has accepted by then is handed over while there is somebody to take it.
CATCH_UP = 1.0
# The same, where workers have not taken yet what they were handed.
BUSY = 10.0
# Who is killed is gone within milliseconds, unless the kernel cannot end it just now.
BURIALS = 5.0
# Often enough for who looks on, and few lines for who reads them later.
TELL = 5.0
# GNU timeout, and others who signal a process and its group besides, send one twice.
TWICE = 0.2


@define(eq=False)
class Stopping:
    """
    @ivar workers: Gives those that there are just now.
    @ivar retireAll: Ends all workers; fires when they are gone.
    @ivar delay: For how long whoever sends clients here is to see that it stops, and all
        are let in still, in seconds.
    """

    pulse: Pulse
    workers: Callable[[], Collection[WorkerProcess]]
    retireAll: Callable[[], Deferred[None]]
    delay: float = 0.0
    _begun: float = 0.0
    # Those that there were when it began.
    _all: Sequence[WorkerProcess] = Factory(list)

    def run(self) -> Deferred[None]:
        """
        Wait until nobody sends clients here, hand over what has come in, stop listening,
        let workers finish. A signal that comes meanwhile takes the time for that away.

        @return: Fires when all of that is done; never fails.
        """
        hurry = Hurry(self.pulse.rooms.reactor, self._hurry)
        return ensureDeferred(
            inTurn(
                [
                    ("take the signals", now(hurry.begin)),
                    ("know what there is", now(self._begin)),
                    ("wait until nobody sends clients here", self._stayOpen),
                    ("refuse who comes", now(self.pulse.rooms.listeners.refuseAll)),
                    ("hand over what has come in", self._catchUp),
                    ("close the ports", now(self.pulse.rooms.listeners.closeForGood)),
                    ("let the workers finish", self._retireAll),
                    ("end the workers", self._endAll),
                    ("close the ports of late", now(self.pulse.rooms.listeners.closeAll)),
                    ("read no more", now(self.pulse.rooms.outliving.closeAll)),
                    ("rest", now(self.pulse.rest)),
                    ("tell how it went", now(self._tellEnd)),
                    ("give the signals back", now(hurry.end)),
                ]
            )
        )

    async def _stayOpen(self) -> None:
        left, told = self.delay, 0.0
        # Where there is nobody any more, who comes is better refused.
        while left > 0 and self.workers():
            if self._seconds >= told:
                told += TELL
                log.info(
                    "stopping: not ready, and open for {left} more", left=duration(left)
                )
            await deferLater(self.pulse.rooms.reactor, min(LOOK, left))
            left = self.delay - self._seconds

    async def _catchUp(self) -> None:
        rooms = self.pulse.rooms
        begun = since = rooms.reactor.seconds()
        # In this order: who is awaited comes before one accepts for the last time.
        while rooms.listeners.isAwaited or not rooms.door.drainBacklogs():
            seconds = rooms.reactor.seconds()
            if self._isBusy() and seconds < begun + self._busyTime():
                since = seconds
            if not self.workers() or seconds > since + CATCH_UP:
                return
            await deferLater(rooms.reactor, LOOK)

    def _isBusy(self) -> bool:
        # Who computes takes what he was handed when he does not; one that has all that he
        # may have is waited for in vain.
        return any(worker.hand.queued for worker in self.workers())

    def _busyTime(self) -> float:
        return min(BUSY, max(worker.drainLeft for worker in self.workers()) / 2)

    async def _retireAll(self) -> None:
        self._tellServing()
        reactor = self.pulse.rooms.reactor
        telling = Repeating(reactor, self._tellOn, TELL, "telling who is waited for")
        telling.start()
        try:
            await self.retireAll()
        finally:
            telling.stop()

    def _hurry(self) -> None:
        if self._seconds < TWICE:
            return
        log.warn("a second signal: workers are killed")
        self._killAll("a second signal has come")

    # What is told

    def _begin(self) -> None:
        self._begun = self.pulse.rooms.reactor.seconds()
        self._all = list(self.workers())

    @property
    def _seconds(self) -> float:
        return self.pulse.rooms.reactor.seconds() - self._begun

    def _tellOn(self) -> None:
        self._tellServing()
        done = [worker for worker in self.workers() if not _isServing(worker)]
        if done:
            log.info(
                "stopping: waiting for the application of {names} to stop; {left} left",
                names=namesOf(done, bare=True),
                left=duration(max(worker.left for worker in done)),
            )

    def _tellServing(self) -> None:
        serving = [worker for worker in self.workers() if _isServing(worker)]
        if serving:
            log.info(
                "stopping: waiting for {names}; {left} left",
                names=namesOf(serving),
                left=duration(max(worker.drainLeft for worker in serving)),
                connections=sum(worker.served for worker in serving),
            )

    def _tellEnd(self) -> None:
        if not self._all:
            return
        cut = sum(worker.ending.cut for worker in self._all)
        say = log.warn if cut else log.info
        say(
            "stopped after {seconds}; {what}",
            seconds=duration(self._seconds),
            what=whatWasCut(cut),
            cut=cut,
        )

    async def _endAll(self) -> None:
        self._killAll("it was not waited for any longer")
        reactor = self.pulse.rooms.reactor
        deadline = reactor.seconds() + BURIALS
        while self.workers():
            if reactor.seconds() > deadline:
                names = ", ".join(worker.name for worker in self.workers())
                log.error("the stop goes on without the end of {names}", names=names)
                return
            await deferLater(reactor, LOOK)

    def _killAll(self, why: str) -> None:
        for worker in list(self.workers()):
            try:
                worker.kill(why)
            except OSError as error:
                # Who has shed privileges may not: the others are ended all the same.
                log.error("cannot kill {worker}: {e}", worker=worker.name, e=error)


def _isServing(worker: WorkerProcess) -> bool:
    return worker.served > 0 and worker.drainLeft > 0


Step = tuple[str, Callable[[], Awaitable[None]]]


def now(call: Callable[[], object]) -> Callable[[], Awaitable[None]]:
    """
    @return: A step that waits for nothing.
    """

    async def step() -> None:
        call()

    return step


async def inTurn(steps: Sequence[Step]) -> None:
    """
    Take one step after the other. What one raises is logged, whatever it is.

    @param steps: Pairs of (what it is, what does it).
    """
    for what, step in steps:
        try:
            await step()
        except GeneratorExit:
            raise
        except BaseException:
            log.failure("cannot {what}; the stop goes on", what=what)
