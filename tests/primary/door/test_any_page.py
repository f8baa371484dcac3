"""
Whatever a worker writes about itself.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import DrawFn, composite, integers, lists, one_of, sampled_from

from twisted_cluster.core.counting import ALL, MOST_A_SECOND, plausible, talliesFor
from twisted_cluster.core.member import LOST, WINDOW, Post
from twisted_cluster.core.recycling import Recycling, Wear
from twisted_cluster.core.roster import Roster
from twisted_cluster.core.scaling import HIGH_LAG, HIGH_QUEUE, lateness, waitingFor
from twisted_cluster.core.silence import Silence
from twisted_cluster.errors import MessageError
from twisted_cluster.events import Limits
from twisted_cluster.primary.door.hands import Hand
from twisted_cluster.wire.handoff import HandoffQueue
from twisted_cluster.wire.page import CELLS, Page

LIMITS = Limits(worker=5)
NOW = 10**12
LARGEST = (1 << 64) - 1
cell = one_of(
    sampled_from([0, 1, NOW, NOW + 1, 1 << 53, 1 << 62, 1 << 63, LARGEST]),
    integers(0, LARGEST),
)


@composite
def pages(draw: DrawFn) -> list[int]:
    """
    All numbers but the version, and the first of those that have ended.
    """
    return draw(lists(cell, min_size=CELLS, max_size=CELLS))


@pytest.fixture(scope="module")
def hand() -> Iterator[Hand]:
    made = Hand(
        Post(1, 1), Page.create(talliesFor(LIMITS)), HandoffQueue(), LIMITS.worker
    )
    yield made
    made.queue.close()
    made.page.close()


def write(hand: Hand, numbers: list[int]) -> None:
    for index, number in enumerate(numbers[:-1], start=1):
        hand.page.cells[index] = number
    hand.page.ended[ALL] = numbers[-1]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(lists(pages(), min_size=1, max_size=4))
def test_itIsBoundedWhereItIsRead(hand: Hand, turns: list[list[int]]) -> None:
    """
    Nothing that is read of it raises, or is out of its range; what it says of others'
    affairs is as much as one may say.
    """
    accused: list[MessageError] = []
    hand.accuse = accused.append
    roster: Roster[Hand] = Roster(limited=True)
    roster.enter(hand)
    for turn, numbers in enumerate(turns):
        now = NOW + turn
        write(hand, numbers)
        roster.look(now)
        roster.glance(now)
        roster.changed()
        roster.recheck()
        assert 0 <= hand.room <= WINDOW
        assert hand.queued == 0
        assert hand.active >= 0
        assert hand.age >= 0
        assert 0 <= hand.lag <= 3.6e9
        assert hand.tally is not None
        assert hand.tally.open(ALL) == 0
        assert 0 <= plausible(hand.page.opened, 9.0) <= 10 * MOST_A_SECOND
        assert Silence().look(now, hand.heartbeat) == 0
        others = [(0, 0), (0, 0)]
        assert lateness([(hand.page.lag, now - hand.heartbeat), *others]) < HIGH_LAG
        assert waitingFor([hand.queued, 0]) < HIGH_QUEUE * 2
        wear = Wear(1, 20.0, hand.page.opened, hand.page.rss)
        worn = Recycling(0.0, 10**6, 10**9, lambda: 0.0).look([wear, Wear(2, 20.0, 1, 1)])
        assert worn is None or worn.id == 1
        assert (hand.reachable and now - hand.heartbeat >= LOST) is False


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(pages())
def test_whoWasHandedNothingHasTakenNothing(hand: Hand, numbers: list[int]) -> None:
    """
    Who says otherwise is accused of it.
    """
    accused: list[MessageError] = []
    hand.accuse = accused.append
    write(hand, numbers)
    hand.reconcile()
    assert accused or hand.page.taken == 0
