"""
Who waits, and who is next.
"""

from __future__ import annotations

from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from twisted_cluster.core.lines import TRIES, Lines


@frozen
class Waiter:
    """
    Somebody who waits.
    """

    name: int
    until: int = 0


class Office:
    """
    Serves whom it may.
    """

    def __init__(self, most: int = 100) -> None:
        self.lines: Lines[Waiter] = Lines(most)
        self.lineOf: dict[int, object] = {}
        self.served: list[int] = []
        self.asked: list[int] = []
        self.room: dict[object, int] = {}

    def come(self, line: object, *names: int, first: bool = False) -> None:
        for name in names:
            self.lineOf[name] = line
            self.lines.add(line, Waiter(name, name), first)

    def attempt(self, waiter: Waiter) -> bool:
        line = self.lineOf[waiter.name]
        self.asked.append(waiter.name)
        if not self.room.get(line):
            return False
        self.room[line] -= 1
        self.served.append(waiter.name)
        return True

    def serve(self) -> list[int]:
        self.served, self.asked = [], []
        self.lines.serve(self.attempt)
        return self.served


def test_firstComeFirstServed() -> None:
    """
    In a line; and others pass it.
    """
    office = Office()
    office.come("a", 1, 2, 3)
    office.come("b", 4, 5)
    office.room = {"b": 1}
    assert office.serve() == [4]
    office.room = {"a": 2, "b": 9}
    assert sorted(office.serve()) == [1, 2, 5]
    assert [one.name for one in office.lines] == [3]
    assert office.lines.has("a")
    assert not office.lines.has("b")


def test_aLineIsAskedOnce() -> None:
    """
    However many stand there, if its first can go nowhere.
    """
    office = Office()
    office.come("a", *range(50))
    assert office.serve() == []
    assert office.asked == [0]


def test_strangersPassEachOther() -> None:
    """
    Some of them are asked each time, and the others the next time.
    """
    office = Office()
    office.come(None, *range(2 * TRIES))
    office.serve()
    assert office.asked == list(range(TRIES))
    office.serve()
    assert office.asked == list(range(TRIES, 2 * TRIES))


def test_manyLinesAreAskedInTurn() -> None:
    """
    So that a policy with a line for everybody costs no more than one with none.
    """
    office = Office()
    for name in range(2 * TRIES):
        office.come(f"line {name}", name)
    office.serve()
    first = office.asked
    office.serve()
    assert sorted(first + office.asked) == list(range(2 * TRIES))


def test_whatComesBackIsNext() -> None:
    """
    It has waited longest.
    """
    office = Office()
    office.come("a", 2, 3)
    office.come("a", 1, first=True)
    office.room = {"a": 3}
    assert office.serve() == [1, 2, 3]


def test_whoHasWaitedLongEnough() -> None:
    """
    They are given up, in whatever line.
    """
    office = Office()
    office.come("a", 1, 5)
    office.come(None, 2, 6)
    assert sorted(one.name for one in office.lines.overdue(2)) == [1, 2]
    assert sorted(one.name for one in office.lines) == [5, 6]
    assert len(office.lines) == 2
    assert {one.name for one in office.lines.clear()} == {5, 6}
    assert not office.lines
    assert office.lines.overdue(100) == []


def test_itCanBeFull() -> None:
    """
    Who has been at the front comes back in any case.
    """
    office = Office(2)
    office.come("a", 1)
    assert not office.lines.isFull
    office.come("a", 2)
    assert office.lines.isFull
    office.lines.passed = True
    office.room = {"a": 2}
    office.serve()
    assert not office.lines.passed


@given(st.lists(st.tuples(st.sampled_from([None, "a", "b", "c"]), st.integers(0, 3))))
def test_nobodyIsLostOrServedTwice(events: list[tuple[str | None, int]]) -> None:
    """
    Whoever comes, whatever there is room for; and a line keeps its order.
    """
    office = Office()
    served: list[int] = []
    for name, (line, room) in enumerate(events):
        office.come(line, name)
        office.room = {line: room}
        served += office.serve()
        assert len(office.lines) == len(list(office.lines))
    waiting = [one.name for one in office.lines]
    assert sorted(served + waiting) == list(range(len(events)))
    for line in ("a", "b", "c"):
        mine = [name for name in served if office.lineOf[name] == line]
        assert mine == sorted(mine)
