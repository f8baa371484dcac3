"""
The workers and the slots that there are.
"""

from __future__ import annotations

from twisted_cluster.core.places import ALONE, Renewal
from twisted_cluster.core.population import Population


def population(count: int) -> Population:
    """
    So many slots, and nobody.
    """
    made = Population()
    made.provide(count)
    return made


def test_slotsAreFilledInTheirOrder() -> None:
    """
    Who is about to go leaves room for another, of the same slot.
    """
    there = population(2)
    first = there.begin(0.0, 1)
    assert there.firstDue(0.0, 2) == 2
    there.begin(0.0, 2)
    assert there.firstDue(0.0, 2) is None
    first.isLeaving = True
    assert there.firstDue(0.0, 2) == 1


def test_withNobodyThereNobodyWaitsLong() -> None:
    """
    A slot that is put off is due earlier where it is the only hope.
    """
    there = population(2)
    for slot in there.slots.values():
        slot.putOff(0.0, 60.0)
    assert there.firstDue(ALONE, 2) == 1
    there.begin(ALONE, 1)
    assert there.firstDue(59.0, 2) is None
    assert there.firstDue(60.0, 2) == 2


def test_whoIsReadyServes() -> None:
    """
    All that are wanted are there when each slot has one that is ready.
    """
    there = population(2)
    one, two = there.begin(0.0, 1), there.begin(0.0, 2)
    assert there.starting() == [one, two]
    one.ready = two.ready = 1.0
    assert there.starting() == []
    assert there.isComplete(2)
    two.isLeaving = True
    assert there.serving() == {1}
    assert there.current() == [one]


def test_theOlderGoWhenTheNewerIsReady() -> None:
    """
    Not before; and who is one too many goes at once.
    """
    there = population(3)
    old, third = there.begin(0.0, 1), there.begin(0.0, 3)
    old.renewal = Renewal("there is a better one")
    assert there.firstDue(0.0, 1) == 1
    new = there.begin(1.0, 1)
    assert there.firstDue(1.0, 1) is None
    assert there.replaced(1.0, 3) == []
    new.ready = 2.0
    assert there.replaced(2.0, 3) == [old]
    assert there.replaced(2.0, 2) == [old, third]
    assert there.serving() == {1}


def test_newSlotsHaveTheGenerationOfTheDay() -> None:
    """
    Those that there are keep theirs.
    """
    there = population(1)
    there.provide(2, 5)
    assert [there.begin(0.0, number).generation for number in (1, 2)] == [1, 5]


def test_ofTwoInOneSlotTheNewerStays() -> None:
    """
    If it is ready, and there is nothing wrong with it.
    """
    there = population(1)
    old, new = there.begin(0.0, 1), there.begin(1.0, 1)
    old.ready = 2.0
    assert there.replaced(2.0, 1) == [new]
    new.ready = 3.0
    assert there.replaced(3.0, 1) == [old]
    new.unfit = "it does not listen"
    assert there.replaced(3.0, 1) == [new]
