"""
A policy that fails, and what is done without it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Sequence
from typing import cast

import pytest
from attrs import define
from twisted.logger import LogLevel, capturedLogs
from zope.interface import implementer

from tests.core.members import member
from twisted_cluster.core.member import Member
from twisted_cluster.events import ConnectionFacts
from twisted_cluster.interfaces import (
    IGroupingPolicy,
    ILiningPolicy,
    ILoyalPolicy,
    ISchedulingPolicy,
    IWorkerLoad,
)
from twisted_cluster.policies.round_robin import RoundRobin
from twisted_cluster.primary.door.chooser import (
    POLICY_REST,
    SLOW_CHOICE,
    SLOW_IN_A_ROW,
    Chooser,
    chooserFor,
)
from twisted_cluster.testing import connectionFrom

ENDS = [SystemExit, KeyboardInterrupt, asyncio.CancelledError, ValueError]


@implementer(ISchedulingPolicy)
@define
class Odd:
    """
    Takes its time, chooses the last one, or raises.
    """

    clock: list[int]
    takes: int = 0
    raises: type[BaseException] | None = None
    asked: int = 0

    def choose(
        self, connection: ConnectionFacts, ready: Sequence[IWorkerLoad]
    ) -> IWorkerLoad | None:
        self.asked += 1
        self.clock[0] += self.takes
        if self.raises is not None:
            raise self.raises
        return ready[-1]


@implementer(ILoyalPolicy)
class OddLoyal(Odd):
    """
    The same with loyal clients.
    """


@implementer(IGroupingPolicy, ILiningPolicy)
class OddGrouping(Odd):
    """
    The same with groups: what a connection says first is the one that it wants.
    """

    groups = ("a", "b")

    def lineOf(self, connection: ConnectionFacts) -> str | None:
        if connection.first == b"odd":
            raise SystemExit
        return connection.first.decode() or None


def chooserOf(policy: Odd) -> Chooser:
    return Chooser(policy, lambda: policy.clock[0])


def workers() -> tuple[Member, ...]:
    return tuple(member(n, "ab"[n % 2]) for n in (1, 2, 3, 4))


@pytest.mark.parametrize("raised", ENDS)
def test_whateverItRaisesSomebodyServes(raised: type[BaseException]) -> None:
    """
    In turn; told once.
    """
    ready = workers()
    chooser = chooserOf(Odd([0], raises=raised))
    with capturedLogs() as logs:
        chosen = [chooser.choose(connectionFrom(), ready) for _ in range(4)]
    assert chosen == list(ready)
    assert [event["log_level"] for event in logs] == [LogLevel.critical]


def test_itCannotTakeWorkersAway() -> None:
    """
    What it is given is a tuple, so that C{pop} is only an error like others.
    """

    class Popping:
        def choose(self, connection, ready):
            return ready.pop()

    ready = workers()
    chooser = Chooser(Popping(), lambda: 0)
    assert chooser.choose(connectionFrom(), ready) is ready[0]
    assert len(ready) == 4


def test_whoIsSlowRestsForASecond() -> None:
    """
    Three times in a row; then once more is enough.
    """
    policy = Odd([0], takes=SLOW_CHOICE + 1)
    chooser, ready = chooserOf(policy), workers()
    with capturedLogs() as logs:
        for _ in range(SLOW_IN_A_ROW):
            assert chooser.choose(connectionFrom(), ready) is ready[-1]
        assert chooser.choose(connectionFrom(), ready) is ready[0]
        assert policy.asked == SLOW_IN_A_ROW
        policy.clock[0] += POLICY_REST
        assert chooser.choose(connectionFrom(), ready) is ready[-1]
        assert chooser.choose(connectionFrom(), ready) is ready[1]
    assert len(logs) == 1


def test_onceOrTwiceMayBeTheMachine() -> None:
    policy = Odd([0])
    chooser, ready = chooserOf(policy), workers()
    for takes in (SLOW_CHOICE + 1, SLOW_CHOICE + 1, 0) * 3:
        policy.takes = takes
        chooser.choose(connectionFrom(), ready)
    assert policy.asked == 9


@pytest.mark.parametrize("kind", [OddLoyal, OddGrouping])
def test_whoAloneKnowsIsAskedAllTheSame(kind: type[Odd]) -> None:
    """
    For a second of round robin sessions would break, and groups be mixed.
    """
    policy = kind([0], takes=SLOW_CHOICE + 1)
    chooser, ready = chooserOf(policy), workers()
    with capturedLogs() as logs:
        for _ in range(10):
            assert chooser.choose(connectionFrom(), ready) is ready[-1]
    assert policy.asked == 10
    assert len(logs) == 1


def test_aLoyalClientHasOneWorkerAllTheSame() -> None:
    """
    Where the policy fails it is hashed; other clients may have others.
    """
    chooser, ready = chooserOf(OddLoyal([0], raises=ValueError)), workers()
    chosen = {}
    for host in (f"192.0.2.{n}" for n in range(40)):
        ours = {chooser.choose(connectionFrom(host, port), ready) for port in (1, 2, 3)}
        assert len(ours) == 1
        chosen[host] = ours.pop()
    assert set(chosen.values()) == set(ready)
    assert chooser.choose(connectionFrom(""), ready) in ready


def test_aGroupStaysAGroup() -> None:
    """
    In turn among its own; with nobody of it, or where that fails as well, a connection
    waits. If any group will do, any does.
    """
    chooser, ready = chooserOf(OddGrouping([0], raises=SystemExit)), workers()
    ofA = connectionFrom(first=b"a")
    assert [chooser.choose(ofA, ready) for _ in range(3)] == [
        ready[1],
        ready[3],
        ready[1],
    ]
    assert chooser.choose(ofA, ready[:1]) is None
    assert chooser.choose(connectionFrom(first=b"odd"), ready) is None
    assert chooser.choose(connectionFrom(), ready) in ready
    assert chooser.lineOf(ofA) == "a"


@implementer(ILiningPolicy)
class Listing(Odd):
    """
    Its lines cannot be looked up.
    """

    def lineOf(self, connection: ConnectionFacts) -> Hashable:
        return cast(Hashable, [connection.first])


def test_whatCannotBeALineIsNone() -> None:
    """
    Who waits waits for it is not known what.
    """
    with capturedLogs() as logs:
        assert chooserOf(Listing([0])).lineOf(connectionFrom("192.0.2.1")) is None
    assert [event["log_level"] for event in logs] == [LogLevel.critical]


def test_roundRobinIsAskedDirectly() -> None:
    """
    Nothing has to be guarded; it knows no lines.
    """
    policy = RoundRobin()
    asked = chooserFor(policy, lambda: 0)
    assert asked.choose == policy.choose
    assert asked.lineOf(connectionFrom()) is None
    assert isinstance(chooserFor(Odd([0]), lambda: 0), Chooser)
