"""
How signals are answered.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_cluster.core.signals import Does
from twisted_cluster.core.snapshot import Snapshot
from twisted_cluster.core.words import several
from twisted_cluster.errors import CommandError
from twisted_cluster.primary.lives.signals import nameOf

log = Logger()

REFUSED = (
    "{signal}: nothing is done: the primary cannot be replaced by it; SIGHUP and "
    "'twisted-cluster reload' renew workers"
)


class Cluster(Protocol):
    """
    What signals can have done.
    """

    def snapshot(self) -> Snapshot: ...

    def reload(self) -> Deferred[None]: ...

    def scaleBy(self, more: int) -> Deferred[None]: ...

    def stopNow(self) -> Deferred[None]: ...

    def reopenLogs(self) -> Deferred[None]: ...

    def forward(self, number: int) -> int: ...


class Answers:
    """
    Has done what a signal means, and says so in the log.
    """

    def __init__(
        self, cluster: Cluster, stop: Callable[[], object], onHup: str, hadTerminal: bool
    ) -> None:
        """
        @param stop: Begins the stop of the whole process.
        @param onHup: One of L{twisted_cluster.core.rules.ON_HUP}.
        @param hadTerminal: Whether the process was started at a terminal.
        """
        self._cluster = cluster
        self._stop = stop
        self._onHup = onHup
        self._hadTerminal = hadTerminal
        # How many of each kind are begun: a later one takes the place of those before it.
        self._begun: Counter[str] = Counter()
        self._answers: dict[Does, Callable[[str, int], object]] = {
            Does.STOP: self._begin,
            Does.STOP_NOW: self._stopNow,
            Does.UPON_HUP: self._uponHup,
            Does.REOPEN: self._reopen,
            Does.MORE: lambda name, number: self._scale(name, 1),
            Does.LESS: lambda name, number: self._scale(name, -1),
            Does.REFUSE: self._refuse,
        }

    def answer(self, number: int, does: Does) -> None:
        """
        Do it. In a cluster that stops only what ends it sooner, and the log, count.
        """
        name = nameOf(number) or ""
        isLate = self._cluster.snapshot().isStopping
        if isLate and does not in (Does.STOP_NOW, Does.REOPEN):
            log.info("{signal}: nothing is done: the cluster stops", signal=name)
            return
        try:
            self._answers[does](name, number)
        except Exception:
            log.failure("{signal} could not be answered", signal=name)

    def _begin(self, name: str, number: int) -> None:
        log.info("{signal}: the cluster stops", signal=name)
        self._stop()

    def _stopNow(self, name: str, number: int) -> None:
        log.warn("{signal}: the cluster stops now, workers are killed", signal=name)
        self._cluster.stopNow()
        self._stop()

    def _uponHup(self, name: str, number: int) -> None:
        if self._hadTerminal and not hasTerminal():
            log.info("{signal}: the terminal is gone, the cluster stops", signal=name)
            self._stop()
        elif self._onHup == "reload":
            log.info("{signal}: workers are renewed", signal=name)
            self._wait(name, "reload", self._cluster.reload())
        elif self._onHup == "forward":
            count = self._cluster.forward(number)
            workers = several(count, "worker")
            log.info("{signal}: passed on to {workers}", signal=name, workers=workers)
        else:
            log.info("{signal}: ignored, as --on-hup says", signal=name)

    def _reopen(self, name: str, number: int) -> None:
        self._cluster.reopenLogs()

    def _scale(self, name: str, more: int) -> None:
        wanted = self._cluster.snapshot().wanted + more
        if wanted < 1:
            log.warn("{signal}: nothing is done: there is one worker", signal=name)
            return
        workers = several(wanted, "worker")
        log.info("{signal}: {workers} from now on", signal=name, workers=workers)
        self._wait(name, "scale", self._cluster.scaleBy(more))

    def _refuse(self, name: str, number: int) -> None:
        log.warn(REFUSED, signal=name)

    def _wait(self, name: str, kind: str, done: Deferred[None]) -> None:
        self._begun[kind] += 1
        done.addErrback(self._sayFailed, name, kind, self._begun[kind])

    def _sayFailed(self, failure: Failure, name: str, kind: str, count: int) -> None:
        if not failure.check(CommandError):
            log.failure("{signal} could not be answered", failure=failure, signal=name)
            return
        # The log has the rest of it already.
        why = failure.getErrorMessage().partition("\n")[0]
        # That a later signal of the kind has taken its place is no failure, nor that the
        # cluster is to stop.
        isLast = count == self._begun[kind]
        isMissed = isLast and not self._cluster.snapshot().isStopping
        say = log.error if isMissed else log.debug
        say("{signal}: {why}", signal=name, why=why)


def hasTerminal() -> bool:
    """
    Whether there is a terminal whose hang-up this process is told of.
    """
    with suppress(OSError):
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
        return True
    return False
