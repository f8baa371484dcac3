"""
Asking a policy, and doing without where it fails.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.logger import Logger

from twisted_cluster.core.complaints import Complaints
from twisted_cluster.events import ConnectionFacts
from twisted_cluster.interfaces import ILoyalPolicy, ISchedulingPolicy, IWorkerLoad
from twisted_cluster.policies.round_robin import RoundRobin

log = Logger()
SLOW = 1_000_000
SLOW_IN_A_ROW = 3
REST = 1_000_000_000
# More than this a worker is not handed for its loyal clients, though they are its own.
PATIENCE = 256


class Chooser:
    """
    Asks a policy; where it raises, chooses a stranger, or is slow, goes round robin.

    A policy is slow if it takes more than a millisecond three times in a row: once may
    be the machine's fault. For a second it is asked nothing then.
    """

    def __init__(self, policy: ISchedulingPolicy, nanoseconds: Callable[[], int]) -> None:
        """
        @param nanoseconds: The monotonic clock.
        """
        self._policy = policy
        self._now = nanoseconds
        self._isLoyal = ILoyalPolicy.providedBy(policy)
        self._fallback = RoundRobin()
        self._complaints = Complaints(nanoseconds)
        self._slow = 0
        self._resting = 0

    def choose(
        self, connection: ConnectionFacts, ready: Sequence[IWorkerLoad]
    ) -> IWorkerLoad | None:
        begun = self._now()
        if begun < self._resting:
            return self._fallback.choose(connection, ready)
        try:
            chosen = self._ask(connection, ready)
            if self._isLoyal and chosen is not None and chosen.queued >= PATIENCE:
                chosen = self._chooseAnother(connection, ready)
        except Exception:
            self._complain(log.failure, "policy {policy} failed: round robin instead")
            return self._fallback.choose(connection, ready)
        if self._now() - begun > SLOW:
            return self._whenSlow(connection, ready, chosen)
        self._slow = 0
        return chosen

    def _chooseAnother(
        self, connection: ConnectionFacts, ready: Sequence[IWorkerLoad]
    ) -> IWorkerLoad | None:
        others = [worker for worker in ready if worker.queued < PATIENCE]
        return self._ask(connection, others) if others else None

    def _ask(
        self, connection: ConnectionFacts, ready: Sequence[IWorkerLoad]
    ) -> IWorkerLoad | None:
        """
        @raise ValueError: If the policy chooses a stranger.
        """
        chosen = self._policy.choose(connection, ready)
        if chosen is not None and chosen not in ready:
            raise ValueError(f"chose {chosen!r:.80}, which is not among the ready")
        return chosen

    def _whenSlow(
        self,
        connection: ConnectionFacts,
        ready: Sequence[IWorkerLoad],
        chosen: IWorkerLoad | None,
    ) -> IWorkerLoad | None:
        self._slow += 1
        if self._slow < SLOW_IN_A_ROW:
            return chosen
        self._slow = SLOW_IN_A_ROW - 1
        self._resting = self._now() + REST
        why = "policy {policy} takes more than 1 ms to choose: round robin for a second"
        self._complain(log.error, why)
        return self._fallback.choose(connection, ready)

    def _complain(self, say: Any, what: str) -> None:
        if self._complaints.isDue():
            say(what, policy=type(self._policy).__name__)


def chooser(policy: ISchedulingPolicy, nanoseconds: Callable[[], int]) -> Any:
    """
    @return: The C{choose} to call for each connection. Round robin's is its own: there
        is nothing to fall back to.
    """
    if type(policy) is RoundRobin:
        return policy.choose
    return Chooser(policy, nanoseconds).choose
