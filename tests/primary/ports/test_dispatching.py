"""
Where the kernel chooses, and where it is left to the primary.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack

import pytest

from tests.primary.ports.streams import (
    ASKED,
    MANY,
    SPEC,
    clients,
    close,
    come,
    joined,
    look,
    mayLoad,
    needsExtended,
    primary,
    waitingFor,
)
from tests.primary.primary import Primary
from twisted_cluster.core.messages import HANDOFF, KERNEL, SHARED
from twisted_cluster.events import ConnectionFacts, Dispatch
from twisted_cluster.interfaces import ISchedulingPolicy, IWorkerLoad
from twisted_cluster.policies.least_connections import LeastConnections
from twisted_cluster.policies.least_lag import LeastLag
from twisted_cluster.policies.power_of_two import PowerOfTwo
from twisted_cluster.policies.random_choice import RandomChoice
from twisted_cluster.policies.round_robin import RoundRobin
from twisted_cluster.policies.sticky import makeSticky
from twisted_cluster.policies.weighted import Weighted
from twisted_cluster.primary.ports.dispatching import Dispatching
from twisted_cluster.primary.ports.listeners import mostPorts
from twisted_cluster.primary.ports.loads import AT_ONCE
from twisted_cluster.wire.page import LISTENERS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux has such groups")
__all__ = ["clients", "primary"]


@pytest.mark.parametrize(
    ("policy", "mode"),
    [
        (RandomChoice(), KERNEL),
        (LeastLag(), HANDOFF),
        (None, SHARED),
    ],
)
def test_whatTheKernelCannotDoIsDoneHere(
    policy: ISchedulingPolicy | None, mode: str
) -> None:
    """
    A policy without a program is the primary's.
    """
    primary = Primary(lambda: policy, dispatching=ASKED)
    assert primary.join(primary.newWorker(), SPEC).mode == mode
    primary.close()


class Backwards(RandomChoice):
    """
    Does not choose as what it is made from.
    """

    def choose(
        self, connection: ConnectionFacts, ready: Sequence[IWorkerLoad]
    ) -> IWorkerLoad:
        return ready[-1]


@pytest.mark.parametrize(
    ("policy", "asked", "mode"),
    [
        (RandomChoice(), "auto", KERNEL),
        (RandomChoice(7), "auto", HANDOFF),
        (RandomChoice(7), "kernel", KERNEL),
        (makeSticky(by="address"), "auto", HANDOFF),
        (makeSticky(by="address"), "kernel", KERNEL),
        (Backwards(), "kernel", HANDOFF),
        (Weighted(), "auto", KERNEL if mayLoad() else HANDOFF),
        (PowerOfTwo(7), "auto", HANDOFF),
        (LeastConnections(), "auto", KERNEL if mayLoad() else HANDOFF),
        (RoundRobin(), "auto", KERNEL if mayLoad() else HANDOFF),
    ],
)
def test_whatWouldBeLostIsDoneHere(
    policy: ISchedulingPolicy, asked: str, mode: str
) -> None:
    """
    Where it is not said that the kernel is to choose it does only what the policy would
    do; and never what another policy would.
    """
    primary = Primary(lambda: policy, dispatching=Dispatching(Dispatch(asked)))
    assert primary.join(primary.newWorker(), SPEC).mode == mode
    primary.close()


def test_whatIsWorthNoGroup() -> None:
    """
    Where descriptors are few, or what a worker accepts would count for two ports, the
    primary accepts.
    """
    primary = Primary(RandomChoice, dispatching=Dispatching(Dispatch()))
    worker = primary.newWorker()
    listeners = [primary.join(worker, SPEC, ordinal=n) for n in range(LISTENERS + 1)]
    assert [one.mode for one in listeners] == [*[KERNEL] * LISTENERS, HANDOFF]
    primary.close()
    few = Dispatching(Dispatch(), mostPorts())
    primary = Primary(RandomChoice, dispatching=few)
    assert primary.join(primary.newWorker(), SPEC).mode == HANDOFF
    primary.close()


@needsExtended
def test_workersCannotHoldItUpByPrograms() -> None:
    """
    Programs that take long to load are for few of the ports that workers open, as often
    as they may do that.
    """
    primary = Primary(LeastConnections, dispatching=Dispatching(Dispatch()))
    worker = primary.newWorker()
    opened = [primary.join(worker, SPEC, ordinal=n) for n in range(int(AT_ONCE) + 2)]
    ways = [one.mode for one in opened]
    assert {*ways[: int(AT_ONCE)]} == {KERNEL}
    assert ways[-1] == HANDOFF
    primary.close()


def test_anotherPolicyMayHaveNoProgram(primary: Primary, clients: ExitStack) -> None:
    """
    Then the primary hands over what comes from then on, until another one has.
    """
    listener, workers = joined(primary, 2)
    primary.table.choose(listener, LeastLag())
    assert listener.way == HANDOFF
    come(clients, listener, 10)
    assert sum(waitingFor(listener).values()) == 0
    assert primary.serve(listener, 10) == 10
    assert close(primary, workers) == 10
    primary.table.choose(listener, RandomChoice())
    assert listener.way == KERNEL
    come(clients, listener)
    assert sum(waitingFor(listener).values()) == MANY


def test_whoLimitsItsConnectionsIsHandedThem(
    primary: Primary, clients: ExitStack
) -> None:
    """
    No more than it is willing to have; and so are all others from then on, whatever the
    policy.
    """
    listener, workers = joined(primary, 1)
    workers.append(primary.newWorker())
    primary.join(workers[1], SPEC, room=2)
    primary.door.leave(workers[0])
    look(primary, workers[1:])
    for policy in (RandomChoice(), RoundRobin()):
        primary.table.choose(listener, policy)
        assert listener.way == HANDOFF
    come(clients, listener, 5)
    assert sum(waitingFor(listener).values()) == 0
    assert primary.serve(listener, 5) == 2
    primary.table.limit(workers[1], listener.number, 5)
    assert primary.serve(listener, 5) == 5


@needsExtended
def test_anotherPolicyIsAnotherProgram(clients: ExitStack) -> None:
    """
    Whoever waited is where he was.
    """
    primary = Primary(RoundRobin, dispatching=ASKED)
    listener, workers = joined(primary, 3)
    come(clients, listener, 9)
    assert set(waitingFor(listener).values()) == {3}
    primary.table.choose(listener, LeastConnections())
    workers[0].page.opened = 5
    look(primary, workers)
    come(clients, listener, 10)
    assert waitingFor(listener) == {1: 3, 2: 8, 3: 8}
    primary.table.choose(listener, RandomChoice())
    come(clients, listener)
    assert waitingFor(listener)[1] > 3
    primary.close()


@needsExtended
def test_thePrimaryGivesAPartThatTheKernelCannot(clients: ExitStack) -> None:
    """
    A canary's share is kept, whatever the policy.
    """
    primary = Primary(LeastConnections, dispatching=ASKED)
    listener, workers = joined(primary, 3)
    primary.door.leave(workers[2])
    workers[2].generation = 2
    primary.door.enter(workers[2])
    primary.door.share(2, 0.1, LeastConnections)
    come(clients, listener, 20)
    assert sum(waitingFor(listener).values()) == 0
    assert primary.serve(listener, 20) == 20
    assert workers[2].queue.depth() == 2
    assert close(primary, workers) == 20
    primary.door.share(2, None, LeastConnections)
    come(clients, listener, 20)
    assert sum(waitingFor(listener).values()) == 20
    primary.close()
