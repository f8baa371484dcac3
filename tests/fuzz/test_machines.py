"""
Whatever a worker says on its wires, in whatever order, the primary goes on.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.fuzz.ground import Ground, ground
from tests.fuzz.saying.wires import FUZZERS

FEW = "15"
# FUZZ_EXAMPLES: for more than a glance.
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", FEW))
SETTINGS = settings(
    max_examples=EXAMPLES,
    stateful_step_count=20,
    deadline=None,
    derandomize=EXAMPLES == int(FEW),
    database=None,
    # To find the shortest takes long.
    phases=[Phase.generate] if EXAMPLES == int(FEW) else list(Phase),
    suppress_health_check=list(HealthCheck),
)
RANDOMS = st.randoms(use_true_random=False)


class Wire(RuleBasedStateMachine):
    """
    A worker that says things on some wires, and its primary.
    """

    wires: tuple[str, ...] = ()

    def __init__(self) -> None:
        super().__init__()
        self._stack = ExitStack()

    @initialize()
    def begin(self) -> None:
        where = self._stack.enter_context(tempfile.TemporaryDirectory())
        self._ground: Ground = self._stack.enter_context(ground(self.wires, Path(where)))

    @rule(random=RANDOMS, count=st.integers(1, 30))
    def sayWhatAWorkerMay(self, random: Random, count: int) -> None:
        for _ in range(count):
            self._ground.say(random, 0.0)

    @rule(random=RANDOMS)
    def sayWhatNoWorkerSays(self, random: Random) -> None:
        self._ground.say(random, 1.0)

    @rule(count=st.integers(1, 3))
    def turn(self, count: int) -> None:
        self._ground.turn(count)

    @rule(count=st.integers(1, 5))
    def clientsCome(self, count: int) -> None:
        for _ in range(count):
            self._ground.come()

    @rule()
    def siblingServes(self) -> None:
        self._ground.serve()

    @rule()
    def workerIsReplaced(self) -> None:
        self._ground.replace()

    @precondition(lambda self: hasattr(self, "_ground"))
    @invariant()
    def allIsWell(self) -> None:
        self._ground.check()

    def teardown(self) -> None:
        self._stack.close()


def machineOf(*wires: str) -> Callable[[], Wire]:
    """
    For these wires.
    """
    return type("Wire", (Wire,), {"wires": wires})


@pytest.mark.parametrize("wire", FUZZERS)
def test_nothingEscapesNorIsLeft(wire: str) -> None:
    """
    Nothing is raised to where nobody hears it, nothing grows without bound, who says what
    no worker says is killed once, and all is closed afterwards.
    """
    run_state_machine_as_test(machineOf(wire), settings=SETTINGS)  # type: ignore[arg-type]


def test_nothingEscapesOfAllAtOnce() -> None:
    """
    The same on all wires by turns.
    """
    run_state_machine_as_test(machineOf(*FUZZERS), settings=SETTINGS)  # type: ignore[arg-type]
