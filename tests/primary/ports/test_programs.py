"""
Policies that fail when they are asked for their programs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import pytest
from zope.interface import implementer

from tests.primary.ports.streams import (
    ASKED,
    MANY,
    SPEC,
    clients,
    come,
    joined,
    mayLoad,
    primary,
    waitingFor,
)
from tests.primary.primary import Primary
from twisted_cluster.core.messages import HANDOFF
from twisted_cluster.events import ConnectionFacts, Dispatch
from twisted_cluster.interfaces import IKernelPolicy, IWorkerLoad
from twisted_cluster.policies.random_choice import RandomChoice
from twisted_cluster.primary.ports import reserve
from twisted_cluster.primary.ports.dispatching import Dispatching
from twisted_cluster.primary.ports.steered_classic import ClassicSteering
from twisted_cluster.primary.ports.steered_extended import ExtendedSteering
from twisted_cluster.steering import classic, extended
from twisted_cluster.steering.places import Place

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux has such groups")
__all__ = ["clients", "primary"]


class Failing(RandomChoice):
    """
    Fails when it is told so, in one way or another.
    """

    turned: Any = None
    fails = False

    def extendedProgram(self) -> extended.Program | None:
        self._fail()
        return super().extendedProgram()

    def classicProgram(self, places: Sequence[Place]) -> classic.Program | None:
        self._fail()
        return super().classicProgram(places)

    def turns(self, places: Sequence[Place]) -> Sequence[int]:
        self._fail()
        return super().turns(places) if self.turned is None else self.turned

    def _fail(self) -> None:
        if self.fails:
            raise SystemExit("no more programs")


@implementer(IKernelPolicy)
class Half:
    """
    Says that it has what it has not.
    """

    def choose(
        self, connection: ConnectionFacts, ready: Sequence[IWorkerLoad]
    ) -> IWorkerLoad:
        return ready[0]


@pytest.mark.parametrize("asked", ["auto", "kernel"])
def test_whoHasNoProgramsAtAllIsAsked(asked: str) -> None:
    """
    A policy that lacks methods which it promises does not end the cluster.
    """
    primary = Primary(Half, dispatching=Dispatching(Dispatch(asked)))
    assert primary.join(primary.newWorker(), SPEC).mode == HANDOFF
    primary.close()


def test_aPolicyThatFailsAtFirst() -> None:
    """
    It is asked for each connection instead.
    """
    policy = Failing()
    policy.fails = True
    primary = Primary(lambda: policy, dispatching=ASKED)
    assert primary.join(primary.newWorker(), SPEC).mode == HANDOFF
    primary.close()


@pytest.mark.parametrize(
    ("kind", "turned"),
    [
        (ClassicSteering, None),
        (ExtendedSteering, None),
        (ExtendedSteering, [0] * 5000),
        (ExtendedSteering, [200]),
        (ExtendedSteering, 7),
    ],
)
def test_aPolicyThatFailsLater(
    clients: ExitStack,
    monkeypatch: pytest.MonkeyPatch,
    kind: type[ExtendedSteering | ClassicSteering],
    turned: Any,
) -> None:
    """
    Who is there is chosen, all alike, and nobody else.
    """
    if kind is ExtendedSteering and not mayLoad():
        pytest.skip("needs CAP_BPF")
    monkeypatch.setattr(reserve, "steer", kind)
    policy = Failing()
    primary = Primary(lambda: policy, dispatching=ASKED)
    listener, workers = joined(primary, 3)
    policy.turned, policy.fails = turned, turned is None
    primary.door.leave(workers[0])
    primary.table.leave(workers[0], listener.number)
    come(clients, listener)
    waiting = waitingFor(listener)
    assert sum(waiting.values()) == MANY
    assert min(waiting.values()) > 0
    primary.close()
