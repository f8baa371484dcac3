"""
One trouble that one server has under load, and what came of it.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager, suppress

from attrs import define, field, frozen

from chaos.contender import Contender
from chaos.hands import stopped
from tests.process.loading.load import Load
from tests.process.loading.outcome import FAILURES, REFUSED, SERVED, SLOW, Noted, Outcome

# How long a server may take to be whole again.
PATIENCE = 30.0


@frozen
class Spell:
    """
    A time in which something is nobody's fault.

    @ivar ports: On these connections, which a process had in its hands when it was killed
        or stopped; C{None}: for who found the server away, which was ended and started.
    """

    begun: float
    ended: float
    ports: Set[int] | None

    def excuses(self, noted: Noted) -> bool:
        """
        Whether this is why one failed, or took long.
        """
        if noted.begun > self.ended or noted.ended < self.begun:
            return False
        return noted.what == REFUSED if self.ports is None else noted.port in self.ports


@frozen
class Verdict:
    """
    What came of it.

    @ivar failed: How many had no answer, and no reason for that, by what became of them.
    @ivar cut: How many others were just served by who was killed.
    @ivar away: How many came while the server was ended.
    @ivar worst: The longest wait of those served whose worker had not been stopped.
    @ivar held: How many connections the killed had in their hands in all, asked or not.
    @ivar said: How many the server says they had, if it does.
    @ivar note: What else there is to say.
    """

    served: int
    failed: dict[str, int]
    cut: int
    away: int
    worst: float
    held: int
    said: int | None
    note: str = ""


@define
class Trial:
    """
    @ivar note: What else there is to say of it.
    """

    contender: Contender
    load: Load
    random: random.Random
    note: str = ""
    _spells: list[Spell] = field(factory=list)
    _held: int = 0

    # What can be done to it

    def anyone(self) -> int:
        """
        @return: Any of its workers.
        """
        return self.random.choice(sorted(self.contender.workers()))

    def kill(self, pid: int) -> None:
        """
        Kill a worker; what it has in its hands then is excused.
        """
        begun = time.monotonic()
        with suppress(OSError):
            ports = stopped(pid, self.contender.port)
            os.kill(pid, signal.SIGKILL)
            self._held += len(ports)
            self._spells.append(Spell(begun, time.monotonic(), ports))

    @contextmanager
    def standing(self, pid: int) -> Iterator[None]:
        """
        A worker is stopped meanwhile; who is in its hands has to wait.
        """
        begun = time.monotonic()
        ports = stopped(pid, self.contender.port)
        try:
            yield
        finally:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
            self._spells.append(Spell(begun, time.monotonic(), ports))

    @contextmanager
    def away(self) -> Iterator[None]:
        """
        The server is ended and started meanwhile: who is refused knows why.
        """
        begun = time.monotonic()
        try:
            yield
        finally:
            self._spells.append(Spell(begun, time.monotonic(), None))

    # Waiting

    def until(self, isTrue: Callable[[], object], what: str) -> bool:
        """
        Wait, for L{PATIENCE} at most; what does not come is noted.
        """
        if self.load.until(lambda _: self._isOver() or isTrue(), PATIENCE):
            return not self._isOver()
        self.note = self.note or f"{what}: not within {PATIENCE:g} s"
        return False

    def _isOver(self) -> bool:
        if self.contender.isAlive():
            return False
        self.note = self.note or "the server has ended"
        return True

    def untilWhole(self, count: int, without: Set[int] = frozenset()) -> bool:
        """
        Wait until so many workers have served, and there are no others.

        @param without: Who is not to be among them.
        """
        begun = time.monotonic()

        def isWhole() -> bool:
            workers = set(self.contender.workers())
            if len(workers) != count or workers & without:
                return False
            last = self.load.progress.last
            return all(last.get(pid, 0.0) > begun for pid in workers)

        return self.until(isWhole, f"{count} workers that serve")

    def serve(self, least: int = 20, most: int = 200) -> bool:
        """
        Wait until some more have been served, at random.
        """
        more = self.load.progress.served + self.random.randint(least, most)
        return self.until(
            lambda: self.load.progress.served >= more, f"{most} more answers"
        )

    # What came of it

    def judge(self, outcome: Outcome) -> Verdict:
        """
        @param outcome: Of the load, when it has ended.
        """
        failed: Counter[str] = Counter({w: outcome.counts.get(w, 0) for w in FAILURES})
        cut = away = 0
        for noted in outcome.noted:
            spell = self._spellOf(noted)
            if noted.what != SERVED and spell is not None:
                failed[noted.what] -= 1
                cut, away = cut + (spell.ports is not None), away + (spell.ports is None)
        worst = self._worst(outcome)
        counts = outcome.served, dict(+failed), cut, away
        said = self.contender.saidCut()
        return Verdict(*counts, worst, self._held, said, self.note)

    def _spellOf(self, noted: Noted) -> Spell | None:
        return next((each for each in self._spells if each.excuses(noted)), None)

    def _worst(self, outcome: Outcome) -> float:
        waits = [
            noted.wait
            for noted in outcome.noted
            if noted.what == SERVED and self._spellOf(noted) is None
        ]
        # Who waited less is not in the list.
        return max(waits, default=min(outcome.worst, SLOW))
