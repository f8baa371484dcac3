"""
Workers that end too early, again and again: each reason is told once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from twisted.logger import Logger, LogLevel

from twisted_cluster.core.actions import PERSISTENT, Again, Failing, Recovered, Report
from twisted_cluster.core.words import duration, serving, several
from twisted_cluster.primary.lives.process import WorkerProcess
from twisted_cluster.primary.lives.told import tell, tellEnding, tellReady
from twisted_cluster.primary.lives.whereabouts import Whereabouts

log = Logger()

# What differs from one try to the next although the reason is the same.
_VARYING = re.compile(r"0x[0-9a-fA-F]+|\d+")
# More is nothing that anybody reads in one line.
LONGEST = 400
# Who finds another reason each time is as little news.
MOST_REASONS = 10


class EarlyEnds:
    """
    Tells of each start and of each end, but not of each that is like the one before.
    """

    def __init__(self, where: Whereabouts) -> None:
        """
        @param where: Finds out where workers are that something is wrong with.
        """
        self._where = where
        # What those that ended too early in each slot had to say.
        self._complaints: dict[int, set[str]] = {}
        # Why the last of each slot has ended.
        self._reasons: dict[int, str] = {}
        # Slots that are known to fail again and again.
        self._persistent: set[int] = set()

    def clear(self) -> None:
        """
        All begins anew.
        """
        self._complaints.clear()
        self._reasons.clear()
        self._persistent.clear()

    def ready(self, worker: WorkerProcess) -> None:
        """
        A worker can serve.
        """
        tellReady(worker, worker.number in self._persistent)

    def ended(self, worker: WorkerProcess, again: Again | None) -> None:
        """
        A worker is gone.

        @param again: What becomes of its slot, if it has ended too early.
        """
        complaint = lastLine(list(worker.said.tail)) or worker.ending.verb
        isFailure = again is not None or worker.ending.level == "error"
        self._reasons[worker.number] = complaint if isFailure else worker.ending.verb
        isNew = self._isNew(worker.number, complaint)
        if not isNew:
            # The log has it already.
            worker.said.forget()
        worker.said.release(hasFailed=isFailure)
        if again is None:
            self._forget(worker)
            tellEnding(worker, worker.ending)
        else:
            tellEnding(worker, worker.ending, again.seconds, again.isPersistent)
            self._tellPersistent(again, complaint, isNew)

    def refused(self, again: Again, why: str) -> None:
        """
        The system has no room for a worker.
        """
        self._reasons[again.slot] = why
        isNew = self._isNew(again.slot, why)
        if not again.isPersistent:
            said = "cannot start worker {slot}: {why}; again in {seconds}"
            seconds = duration(again.seconds)
            log.error(said, slot=again.slot, why=why, seconds=seconds)
        self._tellPersistent(again, why, isNew)

    def reasonOf(self, slot: int) -> str:
        """
        Why the last worker of a slot has ended.
        """
        return self._reasons.get(slot, "it has said nothing")

    def failing(self, what: Failing) -> None:
        """
        Workers of a slot go on to end too early.
        """
        reason = self.reasonOf(what.slot)
        if what.failures >= PERSISTENT:
            verb = "does not stay" if what.wasReady else "cannot start"
            self._tell("error", what, what.failures, verb, reason, what.seconds)
        else:
            self._tell("warn", what, what.short, "does not stay", reason)

    def report(self, worker: WorkerProcess, what: Report) -> None:
        """
        Something is wrong with a worker that is there.
        """
        isNews = worker.isOnline or worker.number not in self._persistent
        level = "warn" if isNews else "debug"
        if isNews and not worker.isOnline:
            # It may have said why.
            worker.said.show()
        if what.shows:
            self._where.report(level, worker, what)
        else:
            tell(level, what.text, worker, seconds=what.seconds)

    def recovered(self, worker: WorkerProcess, what: Recovered) -> None:
        """
        A worker of such a slot serves.
        """
        self._complaints.pop(worker.number, None)
        self._persistent.discard(worker.number)
        tell(
            "info",
            "{worker} serves, after {failures}: {serving}",
            worker,
            failures=several(what.failures, "failed start"),
            serving=serving(what.serving, what.wanted),
        )

    def _forget(self, worker: WorkerProcess) -> None:
        if worker.number not in self._persistent:
            self._complaints.pop(worker.number, None)

    def _isNew(self, slot: int, complaint: str) -> bool:
        known = self._complaints.setdefault(slot, set())
        same = _VARYING.sub("0", complaint)
        if same in known or len(known) >= MOST_REASONS:
            return False
        known.add(same)
        return True

    def _tellPersistent(self, again: Again, complaint: str, isNew: bool) -> None:
        if not again.isPersistent or (again.slot in self._persistent and not isNew):
            return
        self._persistent.add(again.slot)
        verb = "does not stay" if again.wasReady else "cannot start"
        self._tell("error", again, again.failures, verb, complaint, again.seconds)

    def _tell(
        self,
        level: str,
        what: Again | Failing,
        tries: int,
        verb: str,
        reason: str,
        seconds: float | None = None,
    ) -> None:
        """
        @param seconds: When it is tried again, if that is not at once.
        """
        tried = several(tries, "time")
        if seconds is not None:
            tried += f", again in {duration(seconds)}"
        log.emit(
            LogLevel.levelWithName(level),
            "{serving}; worker {slot} {verb}: {reason} (tried {tried})",
            serving=serving(what.serving, what.wanted),
            slot=what.slot,
            verb=verb,
            reason=reason,
            tried=tried,
            cluster_worker=what.slot,
        )


def lastLine(words: Sequence[str]) -> str:
    """
    @return: The last line that says anything: of a traceback, what was raised.
    """
    for text in reversed(words):
        for line in reversed(text.splitlines()):
            if line.strip():
                return line.strip()[:LONGEST]
    return ""
