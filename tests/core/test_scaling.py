"""
How many workers the load asks for.
"""

from __future__ import annotations

import pytest

from twisted_cluster.core.scaling import (
    FALL,
    Autoscale,
    Change,
    Load,
    Span,
    lateness,
    waitingFor,
)

HIGH = {"lag": 0.2}
FEW = Span(2, 8)


class Hour:
    """
    Seconds of a cluster with two to eight workers.
    """

    def __init__(self, count: int = 2, span: Span = FEW) -> None:
        self.now = 1000.0
        self.count = count
        self.scale = Autoscale(span)
        self.changes: list[Change] = []

    def after(
        self, seconds: int, lag: float = 0.0, waiting: int = 0, cpus: float = 0.0
    ) -> list[int]:
        """
        @return: What it changed to meanwhile.
        """
        before = len(self.changes)
        for _ in range(seconds):
            self.now += 1
            load = Load(self.count, lag, waiting, cpus)
            change = self.scale.look(self.now, load, self.count)
            if change is not None:
                self.changes.append(change)
                self.count = change.count
        return [change.count for change in self.changes[before:]]


@pytest.mark.parametrize(
    ("load", "why"),
    [
        ({"lag": 0.2}, "they are late by 200 ms"),
        ({"waiting": 40}, "40 connections are waiting"),
        ({"cpus": 1.9}, "they use 95 % of their CPUs"),
    ],
)
def test_moreAreNeededWhenThoseThatThereAreFallBehind(
    load: dict[str, float], why: str
) -> None:
    """
    After the third second in which they do.
    """
    hour = Hour()
    assert hour.after(2, **load) == []  # type: ignore[arg-type]
    assert hour.after(1, **load) == [3]  # type: ignore[arg-type]
    assert hour.changes[0].why == why


def test_aMomentIsNoReason() -> None:
    """
    Two seconds now and then change nothing.
    """
    hour = Hour()
    for _ in range(20):
        assert hour.after(2, **HIGH) == []
        assert hour.after(3) == []


def test_neverMoreThanThereMayBeNorLess() -> None:
    """
    However much there is to do, or how little.
    """
    hour = Hour()
    assert hour.after(300, **HIGH) == [3, 4, 5, 6, 7, 8]
    assert hour.after(3600) == [7, 6, 5, 4, 3, 2]


def test_manyGrowByMore() -> None:
    """
    A quarter.
    """
    hour = Hour(16, Span(1, 64))
    assert hour.after(3, **HIGH) == [20]


def test_fewerAreNoHaste() -> None:
    """
    A minute of calm for each; what one less could not do keeps it.
    """
    hour = Hour(6)
    assert hour.after(FALL - 1, cpus=2.0) == []
    assert hour.after(1, cpus=2.0) == [5]
    assert hour.after(3600, cpus=2.45) == []


def test_whoWasEndedTooSoonStaysLonger() -> None:
    """
    The time until the next end doubles each time that it had to be taken back.
    """
    hour = Hour(4, Span(1, 4))
    waits = []
    for _ in range(5):
        before = hour.now
        while hour.after(1) == []:
            pass
        waits.append(round(hour.now - before))
        assert hour.after(3, **HIGH) == [4]
    assert waits == [60, 120, 240, 480, 960]


def test_whoAreOnTheirWayAreWaitedFor() -> None:
    """
    For half a minute: until then nothing is decided.
    """
    hour = Hour()
    hour.after(3, **HIGH)
    behind = Load(2, 0.2)
    looks = [hour.scale.look(hour.now + n, behind, 3) for n in range(1, 40)]
    assert [look.count for look in looks if look is not None] == [4]
    assert looks.index(Change(4, "they are late by 200 ms")) >= 30


def test_nobodyThereIsNoReasonForMore() -> None:
    """
    No CPU is no busy one.
    """
    assert Load(0).pressure == ""
    assert not Load(0).isLow


@pytest.mark.parametrize("others", [1, 2, 7])
def test_oneWorkerAloneAsksForNoMore(others: int) -> None:
    """
    Whatever it says, or does not take; half of them can.
    """
    large = 1 << 62
    waiting = waitingFor([large, *[0] * others])
    late = lateness([(large, large), *[(0, 0)] * others])
    assert Load(others + 1, late, waiting).pressure == ""
    half = waitingFor([32] * (others + 1) + [0] * (others // 2))
    assert Load(others + 1 + others // 2, 0.0, half).pressure != ""
