"""
How many workers there are to be: what somebody asks for, or what the load does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from attrs import define, field
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from twisted_cluster.core.scaling import Autoscale, Load, Span
from twisted_cluster.core.verbs import Progress
from twisted_cluster.core.words import serving, several
from twisted_cluster.cpus import parseWorkers
from twisted_cluster.errors import CommandError, ConfigError
from twisted_cluster.primary.lives.process import WorkerProcess
from twisted_cluster.primary.lives.supervisor import Supervisor
from twisted_cluster.primary.lives.told import namesOf

log = Logger()

# The load is looked at so often, in seconds.
EVERY = 1.0


@define(eq=False)
class Waiting:
    """
    Somebody who waits until there are so many.
    """

    count: int
    progress: Progress
    done: Deferred[None] = field(factory=Deferred)
    _said: str = ""

    def look(
        self, workers: Iterable[WorkerProcess], failed: Mapping[int, str]
    ) -> CommandError | bool:
        """
        @param failed: Why slots have none that could start, by number.
        @return: Whether there are, or why there will not be.
        """
        there = list(workers)
        ready = {one.number for one in there if one.isReady}
        up = {number for number in ready if number <= self.count}
        leaving = [one for one in there if one.number > self.count]
        self._say(up, leaving)
        for number, why in failed.items():
            if number <= self.count and number not in up:
                return CommandError(
                    f"{serving(len(up), self.count)}; worker {number} fails: {why}"
                )
        return len(up) == self.count and not leaving

    def fail(self, why: str) -> None:
        """
        There will not be.
        """
        self.done.errback(CommandError(why))

    def _say(self, up: set[int], leaving: list[WorkerProcess]) -> None:
        said = serving(len(up), self.count)
        busy = [one for one in leaving if one.served]
        if busy:
            said += f"; waiting for {namesOf(busy)}"
        elif leaving:
            said += f"; {len(leaving)} more to end"
        if said != self._said:
            self._said = said
            self.progress(said)


class Scaling:
    """
    Has the supervisor keep as many workers as there are to be.

    @ivar span: Between what the load decides.
    @ivar count: How many there are to be just now.
    """

    def __init__(
        self,
        clock: IReactorTime,
        supervisor: Supervisor,
        span: Span,
        load: Callable[[], Load],
        check: Callable[[int], None],
    ) -> None:
        """
        @param clock: Counts monotonic seconds.
        @param load: Tells what there is to do just now.
        @param check: Raises CommandError if so few, or so many, cannot be.
        """
        self.span = span
        self.count = span.least
        self._clock = clock
        self._supervisor = supervisor
        self._first = span
        self._load = load
        self._check = check
        self._decides = Autoscale(span)
        self._waiting: Waiting | None = None
        self._looked = 0.0
        self._isStopped = False

    def start(self) -> None:
        """
        The cluster starts: all is as it was configured.
        """
        self._isStopped = False
        self._set(self._first)
        self.count = self.span.least
        self._supervisor.start(self.count)

    def stop(self) -> None:
        """
        The cluster stops: nobody waits for more, and the load decides nothing.
        """
        self._isStopped = True
        self._fail("the cluster is stopping")

    def scale(self, given: int | str, progress: Progress) -> Deferred[None]:
        """
        So many workers there are to be.

        @param given: A number, or a range in which the load decides: C{"2-8"}.
        @param progress: Is told, in a line each, how far it is.
        @return: Fires when there are, or fails with L{CommandError}.
        """
        try:
            span = parseWorkers(given)
            self._check(span.least)
        except ConfigError as error:
            return fail(CommandError(f"scale {given}: {error.why}"))
        except CommandError as error:
            return fail(error)
        self._set(span)
        before, self._waiting = self._waiting, None
        self._become(max(span.least, min(span.most, self.count)), "as told")
        self._waiting = waiting = Waiting(self.count, progress)
        self._lookWhoWaits()
        if before is not None:
            # Last: who hears of it may ask for another number at once.
            before.fail(f"there are to be {span} workers by now")
        return waiting.done

    def scaleBy(
        self, more: int, progress: Progress = lambda said: None
    ) -> Deferred[None]:
        """
        So many more workers there are to be, or less where it is negative.
        """
        return self.scale(self.count + more, progress)

    def tick(self) -> None:
        """
        Time has passed; to be called some 20 times a second.
        """
        self._lookWhoWaits()
        now = self._clock.seconds()
        if self._isStopped or self.span.isFixed or now - self._looked < EVERY:
            return
        self._looked = now
        change = self._decides.look(now, self._load(), self.count)
        if change is not None:
            self._become(change.count, change.why)

    def _set(self, span: Span) -> None:
        if span != self.span:
            self.span, self._decides = span, Autoscale(span)

    def _become(self, count: int, why: str) -> None:
        if count == self.count:
            return
        before, self.count = self.count, count
        log.info(
            "from {before} to {workers}: {why}",
            before=before,
            workers=several(count, "worker"),
            why=why,
        )
        self._supervisor.scale(count)
        if self._waiting is not None:
            # The load has decided meanwhile.
            self._waiting.count = count

    def _lookWhoWaits(self) -> None:
        waiting = self._waiting
        if waiting is None:
            return
        supervisor = self._supervisor
        result = waiting.look(supervisor.workers.values(), supervisor.failed)
        if isinstance(result, CommandError):
            self._fail(str(result))
        elif result:
            self._waiting = None
            waiting.done.callback(None)

    def _fail(self, why: str) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.fail(why)
