"""
Asking a policy, and doing without where it fails.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

from twisted.logger import Logger
from zope.interface import implementer

from twisted_cluster.core.complaints import Complaints
from twisted_cluster.core.decision import Asked, Asking
from twisted_cluster.core.sharing import Sharing
from twisted_cluster.events import ConnectionFacts
from twisted_cluster.interfaces import (
    IGroupingPolicy,
    ILoyalPolicy,
    ISchedulingPolicy,
    IWorkerLoad,
)
from twisted_cluster.policies.affinity import clientKey
from twisted_cluster.policies.rendezvous import owner
from twisted_cluster.policies.round_robin import RoundRobin
from twisted_cluster.primary.door.hands import Hand

log = Logger()
# A connection costs the primary a fiftieth of that.
SLOW_CHOICE = 1_000_000
SLOW_IN_A_ROW = 3
# Long enough to serve some thousands without it, short enough to see soon if it is over.
POLICY_REST = 1_000_000_000
# The line of a connection that the policy fails for here as well: of no group.
UNKNOWN = object()


@implementer(ISchedulingPolicy)
class Owner:
    """
    Always the same worker for a client, of those that are there; with no memory, so that
    it may be asked now and then.
    """

    def choose(
        self, connection: ConnectionFacts, ready: Sequence[IWorkerLoad]
    ) -> IWorkerLoad:
        return owner(_keyOfClient(connection) or 0, ready)


class Chooser:
    """
    Asks a policy; where it raises, chooses a stranger, or is slow, goes round robin.

    A policy is slow if it takes more than a millisecond three times in a row: once may
    be the machine's fault. For a second it is asked nothing then, unless only it knows
    where a connection must go. Where such a one fails, a client of a loyal policy has
    always the same worker, and a connection of a group stays in the group.
    """

    def __init__(self, policy: ISchedulingPolicy, nanoseconds: Callable[[], int]) -> None:
        """
        @param nanoseconds: The monotonic clock.
        """
        self._name = type(policy).__name__
        self._asking: Asking[Hand] = Asking(policy)
        self._now = nanoseconds
        isLoyal = ILoyalPolicy.providedBy(policy)
        self._isGrouped = IGroupingPolicy.providedBy(policy)
        self._mayRest = not isLoyal and not self._isGrouped
        self._fallback: Asking[Hand] = Asking(Owner() if isLoyal else RoundRobin())
        self._complaints = Complaints(nanoseconds)
        self._slow = 0
        self._resting = 0

    def choose(self, connection: ConnectionFacts, ready: Sequence[Hand]) -> Hand | None:
        begun = self._now()
        if begun < self._resting:
            return self._fallback.choose(connection, ready)
        try:
            chosen = self._asking.choose(connection, ready)
        except BaseException:
            # Also SystemExit: that a policy says so is no reason to end.
            if self._complaints.isDue("failed"):
                log.failure("policy {policy} failed: round robin", policy=self._name)
            return self._chooseWithout(connection, ready)
        if self._now() - begun > SLOW_CHOICE:
            self._noteSlow()
        else:
            self._slow = 0
        return chosen

    def lineOf(self, connection: ConnectionFacts) -> Hashable:
        line = self._lineOf(connection)
        return None if line is UNKNOWN else line

    def _lineOf(self, connection: ConnectionFacts) -> Hashable:
        try:
            line = self._asking.lineOf(connection)
            # What cannot be looked up is no line.
            hash(line)
            return line
        except BaseException:
            if self._complaints.isDue("lines"):
                log.failure("policy {policy} knows no line", policy=self._name)
            return UNKNOWN

    def _chooseWithout(
        self, connection: ConnectionFacts, ready: Sequence[Hand]
    ) -> Hand | None:
        group = self._lineOf(connection) if self._isGrouped else None
        if group is not None:
            ready = tuple(one for one in ready if one.group == group)
        return self._fallback.choose(connection, ready) if ready else None

    def _noteSlow(self) -> None:
        self._slow += 1
        if self._slow < SLOW_IN_A_ROW:
            return
        instead = "it is asked all the same"
        if self._mayRest:
            self._slow = SLOW_IN_A_ROW - 1
            self._resting = self._now() + POLICY_REST
            instead = "round robin for a second"
        if self._complaints.isDue("slow"):
            log.error(
                "policy {policy} takes more than 1 ms to choose: {instead}",
                policy=self._name,
                instead=instead,
            )


class Direct:
    """
    Round robin itself: nothing that would have to be guarded.
    """

    def __init__(self, policy: RoundRobin) -> None:
        # The policy's own method, so that a connection costs one call and no more.
        self.choose: Any = policy.choose

    def lineOf(self, connection: ConnectionFacts) -> Hashable:
        return None


def chooserFor(policy: ISchedulingPolicy, nanoseconds: Callable[[], int]) -> Asked[Hand]:
    """
    @param nanoseconds: The monotonic clock.
    """
    if type(policy) is RoundRobin:
        return Direct(policy)
    return Chooser(policy, nanoseconds)


def sharedChooser(
    policy: ISchedulingPolicy,
    another: ISchedulingPolicy | None,
    nanoseconds: Callable[[], int],
    generation: int,
    part: float,
) -> Asked[Hand]:
    """
    @param another: A policy of the same kind, for those of this generation; turns of its
        own are the only ones that are not disturbed by others'.
    @param part: What share of connections these are to have.
    """
    others = chooserFor(policy, nanoseconds)
    isAlike = another is not None and type(another) is type(policy)
    ours = chooserFor(another, nanoseconds) if another and isAlike else others
    isLoyal = ILoyalPolicy.providedBy(policy)
    return Sharing(generation, part, ours, others, _keyOfClient if isLoyal else None)


def _keyOfClient(connection: ConnectionFacts) -> int | None:
    name = connection.peerName
    return clientKey(name[0]) if isinstance(name, tuple) else None
