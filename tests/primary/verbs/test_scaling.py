"""
How many workers there are to be, and who waits for that.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from twisted_cluster.core.scaling import Load, Span
from twisted_cluster.errors import CommandError
from twisted_cluster.primary.lives.supervisor import Supervisor
from twisted_cluster.primary.verbs.scaling import Scaling


class Kept:
    """
    A supervisor whose workers come and go at once.

    @ivar asked: How many there were to be, each time.
    @ivar failed: Why slots have none.
    """

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.failed: dict[int, str] = {}
        self.workers: dict[int, SimpleNamespace] = {}

    def start(self, count: int) -> None:
        self.scale(count)

    def scale(self, count: int) -> None:
        self.asked.append(count)

    def follow(self) -> None:
        """
        There are as many as was asked for.
        """
        self.workers = {
            number: SimpleNamespace(number=number, isReady=True, served=0)
            for number in range(1, self.asked[-1] + 1)
        }


class Case:
    def __init__(self, span: Span) -> None:
        self.clock = Clock()
        self.kept = Kept()
        self.load = Load(2)
        supervisor = cast(Supervisor, self.kept)
        self.scaling = Scaling(
            self.clock, supervisor, span, lambda: self.load, self._check
        )
        self.said: list[str] = []
        self.scaling.start()
        self.kept.follow()

    def _check(self, count: int) -> None:
        if count == 7:
            raise CommandError("not seven")

    def scale(self, given: int | str) -> Deferred[None]:
        return self.scaling.scale(given, self.said.append)

    def after(self, seconds: float) -> None:
        for _ in range(round(seconds / 0.05)):
            self.clock.advance(0.05)
            self.scaling.tick()


def problem(done: Deferred[None]) -> str:
    """
    Why something could not be done.
    """
    found: list[str] = []
    done.addErrback(lambda failure: found.append(str(failure.value)))
    (text,) = found
    return text


def test_doneWhenTheyAreThere() -> None:
    """
    And not before; each step is told once.
    """
    case = Case(Span(2, 2))
    done = case.scale(4)
    case.after(1.0)
    assert not done.called
    case.kept.follow()
    case.after(0.1)
    assert done.called
    assert case.said == ["2 of 4 workers serve", "4 of 4 workers serve"]
    assert case.kept.asked == [2, 4]


def test_asManyAsThereAreIsDoneAtOnce() -> None:
    """
    Nobody is started.
    """
    case = Case(Span(2, 2))
    assert case.scale(2).called
    assert case.kept.asked == [2]


@pytest.mark.parametrize(
    ("given", "why"), [(0, "scale 0: give a number"), (7, "not seven")]
)
def test_whatCannotBeChangesNothing(given: int, why: str) -> None:
    """
    It fails with the reason.
    """
    case = Case(Span(2, 2))
    assert problem(case.scale(given)).startswith(why)
    assert case.kept.asked == [2]


def test_whoWaitsIsToldWhatBecomesOfIt() -> None:
    """
    Another takes its place, a slot fails, the cluster stops.
    """
    case = Case(Span(2, 2))
    first = case.scale(3)
    second = case.scale(4)
    assert problem(first) == "there are to be 4 workers by now"
    case.kept.failed = {3: "KeyError"}
    case.after(0.1)
    assert problem(second) == "2 of 4 workers serve; worker 3 fails: KeyError"
    case.kept.failed = {}
    third = case.scale(5)
    case.scaling.stop()
    assert problem(third) == "the cluster is stopping"


def test_theLoadDecidesWithinARange() -> None:
    """
    Once a second; a number ends that, and a start begins it anew.
    """
    case = Case(Span(2, 4))
    case.load = Load(2, lag=0.5)
    case.after(4.1)
    assert case.kept.asked == [2, 3]
    case.scale(2)
    case.after(10.0)
    assert case.kept.asked == [2, 3, 2]
    case.scaling.start()
    assert case.scaling.span == Span(2, 4)


def test_aRangeKeepsWhatIsInIt() -> None:
    """
    Outside it changes to what is next.
    """
    case = Case(Span(5, 5))
    assert case.scale("3-8").called
    done = case.scale("1-4")
    assert case.kept.asked == [5, 4]
    assert case.said[-1] == "4 of 4 workers serve; 1 more to end"
    case.kept.follow()
    case.after(0.1)
    assert done.called


def test_whoIsSupersededMayAskAgain() -> None:
    """
    At once, as soon as it hears of it: each of those that ask is answered.
    """
    case = Case(Span(2, 2))
    asked = [case.scale(3)]
    asked[0].addErrback(lambda _: asked.append(case.scale(5)))
    asked.append(case.scale(4))
    assert problem(asked[2]) == "there are to be 5 workers by now"
    case.kept.follow()
    case.after(0.1)
    assert asked[1].called


def test_theLoadDecidesNothingInAStop() -> None:
    """
    A cluster that stops becomes no larger, and no smaller.
    """
    case = Case(Span(2, 4))
    case.load = Load(2, lag=0.5)
    case.scaling.stop()
    case.after(10.0)
    assert case.kept.asked == [2]
    case.scaling.start()
    case.after(4.1)
    assert case.kept.asked == [2, 2, 3]
