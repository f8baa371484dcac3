"""
How a primary stops: one sequence, each step of which is taken whatever became of the
one before.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence

from attrs import frozen
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import deferLater
from twisted.logger import Logger

from twisted_cluster.primary.hurry import Hurry
from twisted_cluster.primary.lives.process import WorkerProcess
from twisted_cluster.primary.pulse import LOOK, Pulse

log = Logger()

# What the kernel has accepted by then is handed over while there is somebody to take it.
CATCH_UP = 1.0
# Who is killed is gone within milliseconds, unless the kernel cannot end it just now.
BURIALS = 5.0


@frozen
class Stopping:
    """
    @ivar workers: Gives those that there are just now.
    @ivar retireAll: Ends all workers; fires when they are gone.
    """

    pulse: Pulse
    workers: Callable[[], Collection[WorkerProcess]]
    retireAll: Callable[[], Deferred[None]]

    def run(self) -> Deferred[None]:
        """
        Hand over what has come in, stop listening, let workers finish. A signal that
        comes meanwhile takes the time for that away.

        @return: Fires when all of that is done; never fails.
        """
        hurry = Hurry(self.pulse.rooms.reactor, self._hurry)
        return ensureDeferred(
            inTurn(
                [
                    ("take the signals", now(hurry.begin)),
                    ("hand over what has come in", self._catchUp),
                    ("close the ports", now(self.pulse.rooms.listeners.closeAll)),
                    ("let the workers finish", self._retireAll),
                    ("end the workers", self._endAll),
                    ("read no more", now(self.pulse.rooms.outliving.closeAll)),
                    ("rest", now(self.pulse.rest)),
                    ("give the signals back", now(hurry.end)),
                ]
            )
        )

    async def _catchUp(self) -> None:
        reactor = self.pulse.rooms.reactor
        deadline = reactor.seconds() + CATCH_UP
        while not self.pulse.rooms.door.drainBacklogs():
            if not self.workers() or reactor.seconds() > deadline:
                return
            await deferLater(reactor, LOOK)

    async def _retireAll(self) -> None:
        workers = list(self.workers())
        served = sum(worker.served for worker in workers)
        if served:
            log.info(
                "{count} connections are served still, for {seconds:g} s at most",
                count=served,
                seconds=max(worker.drainTimeout for worker in workers),
            )
        await self.retireAll()

    def _hurry(self) -> None:
        log.warn("a second signal: workers are killed")
        self._killAll()

    async def _endAll(self) -> None:
        self._killAll()
        reactor = self.pulse.rooms.reactor
        deadline = reactor.seconds() + BURIALS
        while self.workers():
            if reactor.seconds() > deadline:
                names = ", ".join(worker.name for worker in self.workers())
                log.error("the stop goes on without the end of {names}", names=names)
                return
            await deferLater(reactor, LOOK)

    def _killAll(self) -> None:
        for worker in list(self.workers()):
            try:
                worker.kill()
            except OSError as error:
                # Who has shed privileges may not: the others are ended all the same.
                log.error("cannot kill {worker}: {e}", worker=worker.name, e=error)


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
