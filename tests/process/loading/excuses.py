"""
Who could not be served, whatever a server does: whom a worker had in its hands when it
was killed, and who came while all was ended.
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator, Set
from contextlib import contextmanager, suppress

from attrs import define, field, frozen

from tests.process.loading.hands import stopped
from tests.process.loading.outcome import FAILURES, REFUSED, SERVED, SLOW, Noted, Outcome


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
    What came of a load.

    @ivar failed: How many had no answer, and no reason for that, by what became of them.
    @ivar cut: How many others were just served by who was killed.
    @ivar away: How many came while the server was ended.
    @ivar worst: The longest wait of those served whose worker had not been stopped.
    """

    served: int
    failed: dict[str, int]
    cut: int
    away: int
    worst: float


@define
class Excuses:
    """
    @ivar port: The server's.
    @ivar held: How many connections the killed had in their hands in all, asked or not.
    """

    port: int
    held: int = 0
    _spells: list[Spell] = field(factory=list)

    def kill(self, pid: int) -> None:
        """
        Kill a worker; what it has in its hands then is excused.
        """
        begun = time.monotonic()
        with suppress(OSError):
            ports = stopped(pid, self.port)
            os.kill(pid, signal.SIGKILL)
            self.held += len(ports)
            self._spells.append(Spell(begun, time.monotonic(), ports))

    @contextmanager
    def standing(self, pid: int) -> Iterator[None]:
        """
        A worker is stopped meanwhile; who is in its hands has to wait.
        """
        begun = time.monotonic()
        ports = stopped(pid, self.port)
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
        return Verdict(outcome.served, dict(+failed), cut, away, self._worst(outcome))

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
