"""
What cannot be so.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis.strategies import integers, lists, tuples

from twisted_cluster.core.lies import AHEAD, Lies, ofEnded

SECOND = 1_000_000_000


def test_honestBeatsAreBelieved() -> None:
    """
    None yet, then later and later ones, also such as came just after the look began.
    """
    lies = Lies()
    assert [lies.ofBeat(n, n) for n in (0, 5, 5, 90)] == [""] * 4
    assert lies.ofBeat(90, 90 + AHEAD) == ""


def test_noHeartBeatsInTheFutureOrBackwards() -> None:
    """
    That would last for ever, or look like life.
    """
    lies = Lies()
    assert lies.ofBeat(0, 61 * SECOND) == "it says that its heart will beat in 61 s"
    assert "1 s earlier than it had said" in lies.ofBeat(70 * SECOND, 60 * SECOND)


def test_nobodyTakesMoreThanThereIs() -> None:
    """
    What is in the queue is not taken.
    """
    lies = Lies()
    assert lies.ofTaken(3, 5, 2) == ""
    said = "it says that it has taken 4 connections"
    assert lies.ofTaken(4, 5, 2) == f"{said}: of the 5 that it was handed 2 wait for it"


def test_whatIsTakenStaysTaken() -> None:
    """
    The number only grows.
    """
    lies = Lies()
    assert lies.ofTaken(4, 5, 0) == ""
    assert lies.ofTaken(4, 5, 0) == ""
    assert lies.ofTaken(3, 5, 0).endswith("3 connections, and had said 4")


@given(lists(tuples(integers(0, 64), integers(0, 64))))
def test_whoCountsRightIsAlwaysBelieved(turns: list[tuple[int, int]]) -> None:
    """
    However late it says it, and whatever it takes between two looks of one turn.
    """
    lies, handed, taken = Lies(), 0, 0
    for given_, took in turns:
        handed += given_
        said = taken
        taken = min(handed, taken + took)
        assert lies.ofTaken(said, handed, handed - taken) == ""


def test_nobodyEndsMoreThanItHad() -> None:
    assert ofEnded(3, 3) == ""
    assert ofEnded(4, 3) == "it says that it has ended 4 connections of 3"
