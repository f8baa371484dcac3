"""
What each event in the lives of workers means: one machine for boot, healing, scaling and
reload.

It is told what happens, and when, and answers what is to be done; it has no clock and
does nothing itself.
"""

from __future__ import annotations

from attrs import Factory, define, field

from twisted_cluster.core.actions import (
    ALL,
    CUT_OFF,
    HUNG,
    REPLACED,
    SILENT,
    Abort,
    Action,
    Report,
)
from twisted_cluster.core.filling import Filling
from twisted_cluster.core.places import Renewal
from twisted_cluster.core.population import Population
from twisted_cluster.core.reloading import Plan
from twisted_cluster.core.starts import Pace, watchStart
from twisted_cluster.core.turnover import OF_RELOADS

# Why a worker makes way.
TOLD = "it was sent a signal"
# Whose channel is closed is as good as gone: its exit comes within milliseconds, and says
# more. Who has closed it and lives on is not waited for.
LIVES_ON = 1.0


@define(eq=False)
class Slots:
    """
    The machine. Each method is an event; what is to be done comes back, in order, with
    one L{Start} at most: the next event finds the next, so that nobody who carries this
    out is held up by more than one.

    @ivar startTimeout: How long a start may take, in seconds.
    @ivar pace: How fast they are started.
    @ivar giveUpAfter: How many workers of a slot, in a row, that do not stay end the
        cluster; 0 for none.
    """

    startTimeout: float = 300.0
    pace: Pace = Factory(lambda: Pace(8))
    giveUpAfter: int = 0
    _fill: Filling = field(init=False)
    _there: Population = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._fill = Filling(self.pace, self.giveUpAfter)
        self._there = self._fill.there

    # Commands

    def begin(self, now: float, count: int) -> list[Action]:
        """
        So many workers there are to be; for the first time, or after a stop.

        @param now: Monotonic seconds, as in all events.
        """
        return self._fill.begin(now, count)

    def want(self, now: float, count: int) -> list[Action]:
        """
        So many workers there are to be from now on, unless all are to end.
        """
        return self._fill.want(now, count)

    def replace(self, now: float, id: int, renewal: Renewal) -> list[Action]:
        """
        A worker is to make way: its successor is started at once, and when that one is
        there it leaves. Who serves nobody yet need not wait for one.
        """
        life = self._there.lives.get(id)
        if life is None or life.isLeaving or self._fill.isStopping:
            return []
        life.renewal = renewal
        if life.ready is None:
            return [life.retire(), *self._fill.settle(now)]
        return self._fill.settle(now)

    def keep(self, now: float, id: int) -> list[Action]:
        """
        A worker that was to be replaced stays, if it has not been told to leave yet, and
        no reload has it leave.
        """
        life = self._there.lives.get(id)
        if life is None or not self.mayStay(id):
            return []
        life.renewal = None
        return self._fill.settle(now)

    def killed(self, now: float, id: int) -> list[Action]:
        """
        A worker is about to be killed, because somebody wants that: that is no failure,
        and its successor need not wait until it is gone.
        """
        life = self._there.lives.get(id)
        if life is None or life.isLeaving:
            return []
        life.isLeaving = True
        return self._fill.settle(now)

    def reload(self, now: float, plan: Plan) -> list[Action]:
        """
        All workers are to be new ones. A reload that goes on already is superseded.
        """
        return self._fill.reload(now, plan)

    def judged(self, now: float, why: str) -> list[Action]:
        """
        A canary has been looked at.

        @param why: What is wrong with it; C{""}: nothing.
        """
        if self._fill.reloading is not None:
            self._fill.reloading.judged(now, why)
        return self._fill.settle(now)

    def halt(self) -> None:
        """
        Nobody more is to be started: all are about to end. Who ends meanwhile, as by a
        signal that all processes were sent, has no successor.
        """
        self._fill.isStopping = True

    def stop(self, now: float) -> list[Action]:
        """
        All are to end.

        @return: Has L{Ended} in it if there is none; else that comes with the last exit.
        """
        return self._fill.stop()

    # What happens

    def ready(self, now: float, id: int) -> list[Action]:
        """
        A worker's application has started.
        """
        life = self._there.lives.get(id)
        if life is None or life.isLeaving or life.ready is not None:
            return []
        life.ready = now
        self._fill.healing.isProven = True
        said = [] if self._fill.isStopping else self._fill.complete()
        return [*self._fill.settle(now), *said]

    def told(self, now: float, id: int) -> list[Action]:
        """
        A worker that serves was told to end from outside, by a signal, and waits for what
        becomes of it: it makes way for its successor. In a stop it ends with the others.
        """
        life = self._there.lives.get(id)
        if life is None or not life.fills or self._fill.isStopping:
            return []
        if life.ready is None:
            # It serves nobody: nobody misses it.
            return [life.retire(), *self._fill.replace(now, life)]
        life.renewal = Renewal(TOLD)
        return self._fill.replace(now, life)

    def leaving(self, now: float, id: int, told: bool) -> list[Action]:
        """
        A worker ends, and nobody here has told it to; its successor need not wait until
        it has.

        @param told: Whether somebody outside has, by a signal: that is no failure.
        """
        life = self._there.lives.get(id)
        if life is None or life.isLeaving or (life.ready is None and not told):
            return []
        return self._fill.free(now, life, told)

    def lost(self, now: float, id: int) -> list[Action]:
        """
        A worker's channel is closed, and nobody here has told it to end.
        """
        life = self._there.lives.get(id)
        if life is not None and life.lost is None:
            life.lost = now
        return []

    def exited(self, now: float, id: int, told: bool = False) -> list[Action]:
        """
        A worker is gone.

        @param told: As in L{leaving}.
        """
        life = self._there.lives.pop(id, None)
        if life is None:
            return []
        if self._fill.isStopping:
            return self._fill.ended()
        isLastToGo = self._fill.isLastToGo(life)
        actions = self._fill.free(now, life, told)
        return [*actions, *self._fill.complete()] if isLastToGo else actions

    def refused(self, now: float, id: int) -> list[Action]:
        """
        The system has no room for a worker that was to start.
        """
        return self.exited(now, id)

    def deaf(self, now: float, id: int, seconds: float) -> list[Action]:
        """
        A worker takes nothing of what waits for it, although its heart beats. It may
        serve well whom it serves already.

        @param seconds: For how long.
        """
        life = self._there.lives.get(id)
        if life is None or not life.fills or self._fill.isStopping:
            return []
        said = Report(REPLACED, life.slot, seconds, id, ALL)
        why = f"it took nothing for {seconds:.0f} s"
        if self._fill.fell(now, life, why):
            return [said, life.retire(), *self._fill.settle(now)]
        return [said, *self.replace(now, id, Renewal())]

    def silent(self, now: float, id: int, seconds: float) -> list[Action]:
        """
        A worker's heart has not beaten for a while: its application lets no reactor
        turn. That may be its work, so that it is only told.

        @param seconds: For how long.
        """
        life = self._there.lives.get(id)
        if life is None or life.isLeaving:
            return []
        return [Report(SILENT, life.slot, seconds, id, ALL)]

    def hung(self, now: float, id: int, limit: float) -> list[Action]:
        """
        It has not for so long that it is not waited for any more: it serves nobody, and
        its successor need not wait until it is gone.

        @param limit: For how many seconds it was.
        """
        life = self._there.lives.get(id)
        if life is None or life.isLeaving or self._fill.isStopping:
            return []
        why = HUNG.format(seconds=limit)
        return [Abort(id, why), *self._fill.free(now, life)]

    def held(self, now: float, id: int) -> None:
        """
        Somebody looks at a worker with a debugger: the time for its start begins anew.
        """
        life = self._there.lives.get(id)
        if life is not None:
            life.begun = now

    def unfit(self, id: int, what: str) -> None:
        """
        What is wrong with a worker that says it is ready.

        @param what: Such as where it does not listen; C{""}: nothing.
        """
        life = self._there.lives.get(id)
        if life is not None:
            life.unfit = what

    def tick(self, now: float) -> list[Action]:
        """
        Time has passed; to be called some 20 times a second.
        """
        if self._fill.isStopping:
            return []
        said = self._watchStarts(now) + self._fill.tick(now)
        return said + (self._replaceLost(now) or self._fill.settle(now))

    def _watchStarts(self, now: float) -> list[Action]:
        actions: list[Action] = []
        for life in self._there.starting():
            if not life.isOverdue:
                actions += watchStart(life, now, self.startTimeout)
        return actions

    def _replaceLost(self, now: float) -> list[Action]:
        """
        One at a time, for each is a start.
        """
        for life in self._there.lives.values():
            seconds = 0.0 if life.lost is None else now - life.lost
            if seconds >= LIVES_ON and not life.isLeaving:
                said = Report(CUT_OFF, life.slot, seconds, life.id)
                return [said, *self._fill.free(now, life)]
        return []

    # What is known

    @property
    def generation(self) -> int:
        """
        Which they are of, when no reload goes on.
        """
        return self._fill.generation

    def mayStay(self, id: int) -> bool:
        """
        Whether L{keep} keeps a worker.
        """
        life = self._there.lives.get(id)
        return life is not None and not life.isLeaving and life.renewal not in OF_RELOADS

    @property
    def isCalm(self) -> bool:
        """
        Whether every slot has a worker that serves and stays, and nobody is to start.
        """
        return self._fill.isCalm

    @property
    def failed(self) -> list[int]:
        """
        The slots whose workers have ended too early again and again.
        """
        return [number for number, one in self._there.slots.items() if one.hasFailed]
