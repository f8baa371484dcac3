"""
What a reactor reads, and goes on reading whatever happens.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReadDescriptor
from twisted.internet.main import CONNECTION_LOST
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_cluster.core.complaints import Complaints
from twisted_cluster.reactors import IPollingReactor

log = Logger()

# Seconds of rest after a failure: so short that a single one is not noticed, doubled
# while it goes on, so that it neither spins nor fills the log.
SHORTEST_REST = 0.05
LONGEST_REST = 1.0


@implementer(IReadDescriptor)
class Reader:
    """
    Calls a function when a descriptor can be read. What it raises, whatever that is, is
    logged, at most once a minute; after a rest it is called again. To a reactor alone
    it would be the last time. Closing the descriptor is somebody else's affair.

    @ivar failures: How often it has failed.
    """

    def __init__(
        self,
        reactor: IPollingReactor,
        fileno: Callable[[], int],
        read: Callable[[], object],
        name: str,
    ) -> None:
        """
        @param fileno: Gives the descriptor; -1 when it is closed.
        @param name: What the log calls it.
        """
        self.fileno = fileno
        self.failures = 0
        self._reactor = reactor
        self._read = read
        self._name = name
        self._rest = 0.0
        self._resting: IDelayedCall | None = None
        self._started = False
        self._complaints = Complaints(time.monotonic_ns)

    def start(self) -> None:
        """
        Begin to read; later, if the reactor has no room for one more just now.
        """
        if not self._started:
            self._started = True
            self._add()

    def stop(self) -> None:
        """
        Read no more, until L{start}.
        """
        if self._started:
            self._started = False
            self._wakeUp()
            self._reactor.removeReader(self)

    def doRead(self) -> None:
        """
        The reactor says that something can be read.
        """
        try:
            self._read()
        except BaseException:
            self._fail(Failure())
        else:
            if self._rest:
                self._rest = 0.0

    def doWrite(self) -> None:
        """
        The reactor says that there is room: for what had this number before, and was
        closed in the same turn.
        """

    def connectionLost(self, reason: Failure | None) -> None:
        """
        The reactor has let go of the descriptor: it stops, or says that the descriptor is
        broken. Of a pipe that may be all that it says at the end, so that it is read once
        more: who reads it sees what it is, and stops this. That it is broken is believed
        when it is said twice: the first time it may be said of what had this number
        before, and was closed in the same turn.
        """
        if reason is None or reason.value is CONNECTION_LOST:
            self.stop()
            return
        rest = self._rest
        self.doRead()
        if self._started and self._resting is None:
            self._rest = rest
            if rest:
                self._fail(reason)
            else:
                self._pause()

    def logPrefix(self) -> str:
        """
        What the log calls it.
        """
        return "cluster"

    def _fail(self, failure: Failure) -> None:
        self.failures += 1
        if self._complaints.isDue():
            log.failure(
                "{name} could not be read ({count} times so far); it is tried again",
                failure,
                name=self._name,
                count=self.failures,
            )
        if self._started and self._resting is None:
            self._pause()

    def _pause(self) -> None:
        self._reactor.removeReader(self)
        self._rest = min(LONGEST_REST, self._rest * 2 or SHORTEST_REST)
        self._resting = self._reactor.callLater(self._rest, self._goOn)

    def _goOn(self) -> None:
        self._resting = None
        if self.fileno() >= 0:
            self._add()

    def _add(self) -> None:
        try:
            self._reactor.addReader(self)
        except BaseException:
            self._fail(Failure())

    def _wakeUp(self) -> None:
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None
