"""
The tests that authors of policies mix in: good policies pass, bad ones fail.
"""

from __future__ import annotations

import subprocess
import sys
import unittest
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter

import pytest
from attrs import define
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from tests.process.cluster import environment
from tests.testing.simulating import Choosing, Ready
from twisted_cluster import (
    ConnectionFacts,
    IFarewellPolicy,
    IGroupingPolicy,
    IKernelPolicy,
    ILookingPolicy,
    ISchedulingPolicy,
    IWorkerLoad,
    Look,
)
from twisted_cluster.interfaces import ILiningPolicy
from twisted_cluster.plugins import parsePolicy
from twisted_cluster.steering import classic, extended
from twisted_cluster.steering.counting import inTurn
from twisted_cluster.steering.places import Place
from twisted_cluster.testing import PolicyTestsMixin, WorkerLoad, httpHead
from twisted_cluster.testing.kernel import chosenByClassic, chosenByExtended

LOOK = Look(limit=512)


class TestRoundRobin(PolicyTestsMixin):
    """
    In a plain class.
    """

    evenness = 1.0

    def makePolicy(self) -> ISchedulingPolicy | None:
        return parsePolicy("round-robin")()


class LeastConnectionsTests(PolicyTestsMixin, unittest.TestCase):
    """
    In unittest's.
    """

    def makePolicy(self) -> ISchedulingPolicy | None:
        return parsePolicy("least-connections")()


class RandomTests(PolicyTestsMixin, SynchronousTestCase):
    """
    In trial's.
    """

    def makePolicy(self) -> ISchedulingPolicy | None:
        return parsePolicy("random:seed=1")()


def caseOf(policy: ISchedulingPolicy | None, **settings: object) -> PolicyTestsMixin:
    """
    @return: The tests of a policy.
    """
    names = {**settings, "makePolicy": lambda case: policy}
    case: PolicyTestsMixin = type("Case", (PolicyTestsMixin,), names)()
    return case


def failure(policy: ISchedulingPolicy | None, test: str) -> str:
    """
    @return: What one of the tests says of a bad policy.
    """
    with pytest.raises(AssertionError) as raised:
        getattr(caseOf(policy), test)()
    return str(raised.value)


def test_workersAreAsPoliciesSeeThem() -> None:
    """
    The double provides the interface, and cannot be changed.
    """
    worker = WorkerLoad(3)
    verifyObject(IWorkerLoad, worker)
    with pytest.raises(AttributeError):
        worker.active = 1  # type: ignore[misc]


def test_aStrangerIsFound() -> None:
    """
    One that is equal is not the same.
    """
    said = failure(
        Choosing(lambda _, ready: WorkerLoad(1)), "test_choosesOneOfThoseGiven"
    )
    assert "none of those it was given" in said


def test_whoWasThereBeforeIsAStranger() -> None:
    """
    A worker that has left is not to be chosen.
    """
    seen: list[IWorkerLoad] = []
    policy = Choosing(lambda _, ready: seen.extend(ready) or seen[0])  # type: ignore[func-returns-value]
    assert "none of those" in failure(policy, "test_choosesOneOfThoseGiven")


def test_whoTakesWorkersAwayIsFound() -> None:
    """
    The workers are in a tuple, here as in a cluster.
    """
    policy = Choosing(lambda _, ready: ready.pop())  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match="pop"):
        caseOf(policy).test_choosesOneOfThoseGiven()


def test_changedFactsAreFound() -> None:
    """
    Nor can they be changed themselves.
    """

    def grab(connection: ConnectionFacts, ready: Ready) -> IWorkerLoad:
        ready[0].active += 1
        return ready[0]

    with pytest.raises(AttributeError):
        caseOf(Choosing(grab)).test_choosesOneOfThoseGiven()


def test_unevennessIsFound() -> None:
    """
    It can be told what a policy aims at.
    """
    first = Choosing(lambda _, ready: ready[0])
    said = failure(first, "test_isEven")
    assert "of 1000 connections one of 4 workers got 1000, more than 312" in said
    caseOf(first, evenness=None).test_isEven()


def test_whoNeverServesIsFound() -> None:
    """
    To let everybody wait is no policy.
    """
    said = failure(Choosing(lambda _, ready: None), "test_idleWorkersServe")
    assert "all are left to wait" in said


def test_chanceWithoutASeedIsFound() -> None:
    """
    Unless the author says that it is meant.
    """
    policy = parsePolicy("random")()
    assert "chose differently" in failure(policy, "test_repeatsItself")
    caseOf(policy, repeatable=False).test_repeatsItself()


def test_slownessIsFound(capsys: pytest.CaptureFixture[str]) -> None:
    """
    What a choice costs is printed; beyond the limit it is an error.
    """

    def dawdle(connection: ConnectionFacts, ready: Ready) -> IWorkerLoad:
        until = perf_counter() + 0.001
        while perf_counter() < until:
            pass
        return ready[0]

    said = failure(Choosing(dawdle), "test_isCheap")
    assert "among 2 workers; the limit is 1000 us" in said
    assert "Choosing: 1" in capsys.readouterr().out


@implementer(ILookingPolicy)
@define
class Looking(Choosing):
    """
    A policy that looks, and is given how.
    """

    isEnough: Callable[[bytes], bool]
    look: Look | None = LOOK

    def enough(self, first: bytes) -> bool:
        return self.isEnough(first)


def firstOf(connection: ConnectionFacts, ready: Ready) -> IWorkerLoad:
    """
    Choose without a fault.
    """
    return ready[0]


@pytest.mark.parametrize(
    "isEnough",
    [
        lambda first: first[8:].startswith(b"GET") or first[400] > 0,
        lambda first: bool(first.decode()),
        lambda first: int(first[:1] or b"1", 16) > 0,
    ],
)
def test_whoTrustsClientsIsFound(isEnough: Callable[[bytes], bool]) -> None:
    """
    Short, strange and binary beginnings are tried.
    """
    with pytest.raises((IndexError, ValueError)):
        caseOf(Looking(firstOf, isEnough)).test_firstBytesMayBeAnything()


def test_whoTrustsClientsInChooseIsFound() -> None:
    """
    The same when it comes to choosing: there may be nothing at all.
    """

    def trusting(connection: ConnectionFacts, ready: Ready) -> IWorkerLoad:
        return ready[connection.first[0] % len(ready)]

    policy = Looking(trusting, lambda first: True)
    with pytest.raises(IndexError):
        caseOf(policy).test_firstBytesMayBeAnything()


def test_looksAreSeen() -> None:
    """
    A policy that looks is given what it looks for, within its limit.
    """
    seen: list[bytes] = []

    def note(first: bytes) -> bool:
        seen.append(first)
        return True

    policy = Looking(firstOf, note)
    caseOf(policy).test_firstBytesMayBeAnything()
    assert httpHead() in seen
    assert any(first.startswith(b"\x16\x03") for first in seen)
    assert any(first.startswith(b"PROXY ") for first in seen)
    assert max(map(len, seen)) == 512


def test_enoughIsYesOrNo() -> None:
    """
    Nothing that happens to be true.
    """
    policy = Looking(firstOf, lambda first: first)  # type: ignore[arg-type,return-value]
    assert "returned b" in failure(policy, "test_firstBytesMayBeAnything")


@define
class Unsaid:
    """
    It looks, and does not say so.
    """

    def choose(self, connection: ConnectionFacts, ready: Ready) -> IWorkerLoad:
        return ready[0]

    def enough(self, first: bytes) -> bool:
        return True


def test_unsaidInterfacesAreFound() -> None:
    """
    What has the method of an interface is to provide the interface.
    """
    said = failure(implementer(ISchedulingPolicy)(Unsaid)(), "test_providesWhatItSays")
    assert "'enough', but does not say that it provides ILookingPolicy" in said


@implementer(IGroupingPolicy, IFarewellPolicy)
@define
class Grouping(Choosing):
    """
    With groups, and a last word.
    """

    groups: Sequence[str] = ("api", "web")
    word: bytes = b"bye"

    def farewell(self, connection: ConnectionFacts) -> bytes:
        return self.word


def test_groupsAndFarewellsAreTried() -> None:
    """
    One name is no list of names, a farewell has a limit, workers are of the groups.
    """
    test = "test_valuesAreWithinTheirLimits"
    assert "'api'" in failure(Grouping(firstOf, groups="api"), test)
    long = Grouping(firstOf, word=b"x" * 4097)
    assert "at most 4096" in failure(long, test)
    case = caseOf(Grouping(firstOf))
    case.test_valuesAreWithinTheirLimits()
    case.test_providesWhatItSays()
    assert {worker.group for worker in case.makeWorkers(4)} == {"api", "web"}


@implementer(ILiningPolicy)
@define
class Lining(Choosing):
    """
    Has names for what connections wait for.
    """

    line: object = None

    def lineOf(self, connection: ConnectionFacts) -> str | None:
        return self.line  # type: ignore[return-value]


def test_linesHaveNames() -> None:
    """
    Or there is none.
    """
    test = "test_valuesAreWithinTheirLimits"
    assert "lineOf() said 7" in failure(Lining(firstOf, line=7), test)
    for line in (None, "api"):
        caseOf(Lining(firstOf, line=line)).test_valuesAreWithinTheirLimits()


def test_noPolicyIsFound() -> None:
    """
    What leaves the choice to the kernel has nothing to test.
    """
    assert "left to the kernel" in failure(parsePolicy("none")(), "test_isEven")


def test_aWrongLookIsFound() -> None:
    """
    A number is no L{Look}.
    """
    policy = Looking(firstOf, lambda first: True, look=4096)  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match="look is 4096"):
        caseOf(policy).test_valuesAreWithinTheirLimits()


SUITE = """
from {module} import TestCase

from twisted_cluster.plugins import parsePolicy
from twisted_cluster.testing import PolicyTestsMixin


class RandomTests(PolicyTestsMixin, TestCase):
    evenness = {evenness}

    def makePolicy(self):
        return parsePolicy("random:seed=1")()
"""


@pytest.mark.process
@pytest.mark.parametrize(
    ("runner", "module"),
    [
        ("twisted.trial", "twisted.trial.unittest"),
        ("unittest", "unittest"),
        ("pytest", "unittest"),
    ],
)
@pytest.mark.parametrize("evenness", [1.25, 1.0])
def test_runnersRunThem(
    runner: str, module: str, evenness: float, tmp_path: Path
) -> None:
    """
    trial, unittest and pytest find all of them, and tell good from bad.
    """
    suite = SUITE.format(module=module, evenness=evenness)
    (tmp_path / "test_it.py").write_text(suite)
    target = "test_it.py" if runner == "pytest" else "test_it"
    done = subprocess.run(
        [sys.executable, "-m", runner, target],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=50,
    )
    said = done.stdout + done.stderr
    count = sum(name.startswith("test_") for name in dir(PolicyTestsMixin))
    assert f"{count} passed" in said or f"Ran {count} tests" in said or evenness == 1.0
    assert (done.returncode == 0) == (evenness == 1.25)
    assert ("one of 4 workers got" in said) == (evenness == 1.0)


@implementer(IKernelPolicy)
@define
class Steering(Choosing):
    """
    With programs for the kernel.
    """

    index: int = 0
    readsLoads: bool = False
    sharesByTurns: bool = False

    def classicProgram(self, places: Sequence[Place]) -> classic.Program | None:
        return [classic.ret(self.index)]

    def extendedProgram(self) -> extended.Program | None:
        return None if self.index else inTurn()

    def turns(self, places: Sequence[Place]) -> Sequence[int]:
        return [place.index for place in places]

    def lacks(self, kind: str) -> str:
        return ""


def test_programsAreTried() -> None:
    """
    A program that chooses who may not be chosen is told, with what it was asked for.
    """
    said = failure(Steering(firstOf, index=9), "test_itsProgramsChooseWhoMayBe")
    assert "chose {9} of [Place(index=0, weight=1)]" in said
    policy = Steering(firstOf)
    verifyObject(IKernelPolicy, policy)
    found = chosenByExtended(policy, [Place(1), Place(2)], times=4)
    assert found == {1: 2, 2: 2}
    assert chosenByClassic(policy, [Place(1)], times=2) == {0: 2}
