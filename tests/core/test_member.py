"""
One worker, as choice sees it.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from zope.interface.verify import verifyObject

from tests.core.members import SECOND, Connection, hand, member, take
from twisted_cluster.core.member import LOST, RESERVE, STALE, WINDOW, reserveFor
from twisted_cluster.interfaces import IWorkerLoad


def test_itIsWhatPoliciesSee() -> None:
    """
    It provides the interface, in the units that are promised there.
    """
    one = member(7, "api", 2)
    verifyObject(IWorkerLoad, one)
    page = one.page
    page.opened, page.closed, page.lag, page.cpu, page.rss = 5, 2, 2000, 500_000, 99
    page.born, page.heartbeat = SECOND, 3 * SECOND
    one.lookAt(3 * SECOND)
    assert (one.id, one.number, one.group, one.active) == (7, 2, "api", 3)
    assert (one.lag, one.cpu, one.rss, one.age) == (2.0, 0.5, 99, 2.0)
    assert not one.draining


def test_whatItSaysIsNotBelievedBelowNothing() -> None:
    """
    More closed than opened, more taken than handed, born after its last beat.
    """
    one = member(1)
    one.page.closed = one.page.taken = one.page.born = 1 << 60
    assert (one.active, one.queued, one.age) == (0, 0, 0.0)


def test_silenceMakesItStaleAndThenLost() -> None:
    """
    First nobody offers it anything new, then its loyal clients go as well.
    """
    one = member(1)
    for now, fresh, reachable in (
        (STALE - 1, True, True),
        (STALE, False, True),
        (LOST - 1, False, True),
        (LOST, False, False),
    ):
        one.lookAt(now)
        assert (one.fresh, one.reachable) == (fresh, reachable)


def test_aBeatOfTheFutureIsNone() -> None:
    """
    It would last for ever; a little ahead is only the order of reading.
    """
    one = member(1)
    one.page.heartbeat = 2 * SECOND
    one.lookAt(SECOND)
    assert not one.fresh
    assert not one.reachable
    one.lookAt(2 * SECOND - 1000)
    assert one.fresh


def test_itHasAWindow() -> None:
    """
    It is full with so many that it has not taken, and has room for what it takes.
    """
    one = member(1)
    hand(one, WINDOW - 1)
    assert not one.full
    hand(one)
    assert one.full
    assert not one.offerable
    take(one, 3)
    assert one.hasRoom()
    assert one.room == 3


def test_descriptorsAreCountedBeforeItCountsThem() -> None:
    """
    All that it was handed since it counted takes one: a burst does not pass what it had,
    however fast it takes.
    """
    one = member(1)
    handed = 0
    while one.hasRoom():
        hand(one)
        handed += 1
        take(one)
    assert handed == one.page.headroom - RESERVE
    assert one.short
    one.lookAt(0)
    assert not one.fresh
    assert not one.reachable
    one.page.headroom, one.page.counted = 200, one.page.taken
    one.lookAt(0)
    assert one.fresh
    one.hasRoom()
    assert one.room == WINDOW


@given(
    st.integers(0, 3000),
    st.lists(st.tuples(st.sampled_from(["hand", "take", "close", "count"]))),
)
def test_neverMoreThanThereWas(limit: int, events: list[tuple[str]]) -> None:
    """
    Whatever comes in whatever order, it never has more than it has descriptors for.
    """
    one = member(1)
    page, open_ = one.page, 0
    page.headroom = limit
    one.hasRoom()
    for (event,) in events:
        if event == "hand":
            hand(one, one.room)
        elif event == "take":
            open_ += one.queued
            take(one)
        elif event == "close":
            open_ //= 2
        else:
            page.headroom = limit - open_
            page.counted = page.taken
        one.hasRoom()
        assert open_ + one.queued <= max(0, limit - RESERVE)


def test_fewDescriptorsAreSharedOut() -> None:
    """
    Where there are few, a worker keeps an eighth to itself; negative is any number.
    """
    reserves = [reserveFor(limit) for limit in (64, 128, 512, 4096, -1)]
    assert reserves == [8, 16, 64, 64, 64]
    assert member(1, reserve=8).reserve == 8


def test_aLimitOfItsOwn() -> None:
    """
    With as many connections as it may have it is full, though it has taken them all.
    """
    one = member(1, most=2)
    hand(one, 2)
    take(one)
    assert not one.hasRoom()
    assert one.hasMost
    one.page.ended[0] += 1
    assert one.hasRoom()


def test_whatItIsWillingToTake() -> None:
    """
    Of one listener no more than it has said, counted since it first did.
    """
    one = member(1)
    hand(one, 5)
    assert one.handedBy(1) == 0
    one.limit(1, 2)
    assert one.mayTakeFrom(1)
    hand(one, 2)
    assert not one.mayTakeFrom(1)
    assert one.mayTakeFrom(2)
    assert one.handedBy(1) == 2
    one.limit(1, None)
    assert one.mayTakeFrom(1)


def test_aSpentCreditIsTold() -> None:
    """
    Whoever hands over learns that there is something to be looked at anew.
    """
    one = member(1)
    one.limit(1, 1)
    assert one.add(Connection(2))
    assert not one.add(Connection(1))
