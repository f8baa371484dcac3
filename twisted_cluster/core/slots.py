"""
Which workers there are to be, against those that there are: one machine for boot,
healing, scaling and reload.

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
    Complete,
    Ended,
    GiveUp,
    Report,
    Start,
)
from twisted_cluster.core.healing import Healing
from twisted_cluster.core.places import Life, Renewal
from twisted_cluster.core.population import Population
from twisted_cluster.core.reloading import STOPPED, SUPERSEDED, Plan, Reloading
from twisted_cluster.core.starts import HOLD, Pace, watchStart

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
    @ivar count: How many workers there are to be.
    @ivar giveUpAfter: How many workers of a slot, in a row, that do not stay end the
        cluster; 0 for none.
    @ivar generation: Which they are of, when no reload goes on.
    """

    startTimeout: float = 300.0
    pace: Pace = Factory(lambda: Pace(8))
    count: int = 0
    generation: int = 1
    giveUpAfter: int = 0
    _there: Population = Factory(Population)
    _healing: Healing = field(init=False)
    _since: float = 0.0
    _isStopping: bool = False
    _reloading: Reloading | None = None

    def __attrs_post_init__(self) -> None:
        self._healing = Healing(self._there, self.giveUpAfter)

    # Commands

    def want(self, now: float, count: int) -> list[Action]:
        """
        So many workers there are to be.

        @param now: Monotonic seconds, as in all events.
        """
        if self._isStopping:
            self._isStopping = self._healing.isProven = False
            self._there.slots.clear()
            self.count = 0
        if not self.count:
            self._since = now
        self.count = count
        self._there.provide(count, self.generation)
        return self._settle(now)

    def replace(self, now: float, id: int, renewal: Renewal) -> list[Action]:
        """
        A worker is to make way: its successor is started at once, and when that one is
        there it leaves. Who serves nobody yet need not wait for one.
        """
        life = self._there.lives.get(id)
        if life is None or life.isLeaving or self._isStopping:
            return []
        life.renewal = renewal
        if life.ready is None:
            return [life.retire(), *self._settle(now)]
        return self._settle(now)

    def keep(self, now: float, id: int) -> list[Action]:
        """
        A worker that was to be replaced stays, if it has not been told to leave yet.
        """
        life = self._there.lives.get(id)
        if life is None or life.isLeaving:
            return []
        life.renewal = None
        return self._settle(now)

    def killed(self, now: float, id: int) -> list[Action]:
        """
        A worker is about to be killed, because somebody wants that: that is no failure,
        and its successor need not wait until it is gone.
        """
        life = self._there.lives.get(id)
        if life is None or life.isLeaving:
            return []
        life.isLeaving = True
        return self._settle(now)

    def reload(self, now: float, plan: Plan) -> list[Action]:
        """
        All workers are to be new ones. A reload that goes on already is superseded.
        """
        before, self._reloading = self._reloading, None
        said = [] if before is None else before.drop(SUPERSEDED)
        self._reloading = Reloading(plan, self.generation, self._there)
        return said + self._reloading.begin(now, self.count) + self._settle(now)

    def judged(self, now: float, why: str) -> list[Action]:
        """
        A canary has been looked at.

        @param why: What is wrong with it; C{""}: nothing.
        """
        if self._reloading is not None:
            self._reloading.judged(now, why)
        return self._settle(now)

    def halt(self) -> None:
        """
        Nobody more is to be started: all are about to end. Who ends meanwhile, as by a
        signal that all processes were sent, has no successor.
        """
        self._isStopping = True

    def stop(self, now: float) -> list[Action]:
        """
        All are to end.

        @return: Has L{Ended} in it if there is none; else that comes with the last exit.
        """
        self.halt()
        reloading, self._reloading = self._reloading, None
        said = [] if reloading is None else reloading.drop(STOPPED)
        current = self._there.current()
        for life in current:
            # Whatever they were to make way for.
            life.renewal = None
        return [*said, *(life.retire() for life in current), *self._ended()]

    # What happens

    def ready(self, now: float, id: int) -> list[Action]:
        """
        A worker's application has started.
        """
        life = self._there.lives.get(id)
        if life is None or life.isLeaving or life.ready is not None:
            return []
        life.ready = now
        self._healing.isProven = True
        isComplete = not self._isStopping and self._there.isComplete(self.count)
        return [*self._settle(now), *([Complete()] if isComplete else ())]

    def told(self, now: float, id: int) -> list[Action]:
        """
        A worker that serves was told to end from outside, by a signal, and waits for what
        becomes of it: it makes way for its successor. In a stop it ends with the others.
        """
        life = self._there.lives.get(id)
        if life is None or not life.fills or self._isStopping:
            return []
        if life.ready is None:
            # It serves nobody: nobody misses it.
            return [life.retire(), *self._replace(now, life)]
        life.renewal = Renewal(TOLD)
        return self._replace(now, life)

    def leaving(self, now: float, id: int, told: bool) -> list[Action]:
        """
        A worker ends, and nobody here has told it to; its successor need not wait until
        it has.

        @param told: Whether somebody outside has, by a signal: that is no failure.
        """
        life = self._there.lives.get(id)
        if life is None or life.isLeaving or (life.ready is None and not told):
            return []
        isMissed, life.isLeaving = life.fills, True
        if self._isStopping:
            return []
        if not isMissed:
            return self._settle(now)
        return self._replace(now, life) if told else self._mourn(now, life)

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
        if self._isStopping:
            return self._ended()
        if not life.fills:
            return [*self._settle(now), *self._shrunk(life)]
        return self._replace(now, life) if told else self._mourn(now, life)

    def _shrunk(self, last: Life) -> list[Action]:
        """
        @return: L{Complete}, if the last of those is gone that were too many.
        """
        there = self._there
        isOne = last.slot > self.count
        if not isOne or any(one.slot > self.count for one in there.lives.values()):
            return []
        return [Complete()] if there.isComplete(self.count) else []

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
        if life is None or not life.fills or self._isStopping:
            return []
        said = Report(REPLACED, life.slot, seconds, id, ALL)
        why = f"it took nothing for {seconds:.0f} s"
        if self._reloading is not None and self._reloading.fell(now, life, why):
            return [said, life.retire(), *self._settle(now)]
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
        if life is None or life.isLeaving or self._isStopping:
            return []
        isMissed, life.isLeaving = life.fills, True
        end = Abort(id, HUNG.format(seconds=limit))
        if not isMissed:
            return [end, *self._settle(now)]
        return [end, *self._mourn(now, life)]

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
        if self._isStopping:
            return []
        said = self._watchStarts(now) + self._healing.tick(now, self.count)
        return said + (self._replaceLost(now) or self._settle(now))

    # What is known

    @property
    def isCalm(self) -> bool:
        """
        Whether every slot has a worker that serves and stays, and nobody is to start.
        """
        isIdle = not self._isStopping and self._reloading is None
        return isIdle and self._there.isSettled(self.count)

    @property
    def failed(self) -> list[int]:
        """
        The slots whose workers have ended too early again and again.
        """
        return [number for number, one in self._there.slots.items() if one.hasFailed]

    # What is, against what is wanted

    def _settle(self, now: float) -> list[Action]:
        if self._isStopping:
            return []
        actions = self._reload(now)
        actions += (life.retire() for life in self._there.replaced(now, self.count))
        if not self._mustWait(now):
            actions += self._startOne(now)
        return actions

    def _reload(self, now: float) -> list[Action]:
        reloading = self._reloading
        if reloading is None:
            return []
        actions = reloading.advance(now, self.count)
        if reloading.isOver:
            self._reloading = None
            if reloading.isDone:
                self.generation = reloading.plan.generation
            if self._there.isComplete(self.count):
                actions.append(Complete())
        return actions

    def _mustWait(self, now: float) -> bool:
        """
        Whether nobody may start just now, whatever is missing.
        """
        starting = self._there.starting()
        if self.pace.isReached(now, starting):
            return True
        # An application that cannot start is to fail once, not once per core.
        isUnsure = not self._healing.isProven and now - self._since < HOLD
        return isUnsure and bool(starting)

    def _startOne(self, now: float) -> list[Action]:
        number = self._there.firstDue(now, self.count)
        if number is None:
            return []
        self.pace.started(now)
        life = self._there.begin(now, number)
        return [Start(life.id, number, life.generation)]

    def _replace(self, now: float, life: Life) -> list[Action]:
        self._healing.told(now, life)
        return self._settle(now)

    def _mourn(self, now: float, life: Life) -> list[Action]:
        """
        A worker has ended that was not to.
        """
        if self._reloading is not None and self._reloading.fell(now, life):
            return self._settle(now)
        actions = self._healing.mourn(now, life, self.count)
        last = actions[0] if actions else None
        if not isinstance(last, GiveUp):
            return [*actions, *self._settle(now)]
        if last.tries:
            # Others may serve: their end is begun by whoever stops the cluster.
            self.halt()
            return actions
        return [*actions, *self.stop(now)]

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
                life.isLeaving = True
                said = Report(CUT_OFF, life.slot, seconds, life.id)
                return [said, *self._mourn(now, life)]
        return []

    def _ended(self) -> list[Action]:
        return [] if self._there.lives else [Ended()]
