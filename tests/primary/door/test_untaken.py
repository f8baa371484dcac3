"""
Who has not taken what they were handed.
"""

from __future__ import annotations

import os
import select
from collections.abc import Iterator

import pytest

from tests.primary.door.test_hands import closed, connections, handOf
from twisted_cluster.primary.door.hands import Hand
from twisted_cluster.primary.door.untaken import Untaken
from twisted_cluster.wire.handoff import receive

pytestmark = pytest.mark.skipif(not hasattr(select, "epoll"), reason="only Linux says so")


@pytest.fixture
def hands() -> Iterator[tuple[Hand, Hand]]:
    """
    Two.
    """
    made = handOf(1), handOf(2)
    yield made
    for hand in made:
        hand.queue.close()
        hand.page.close()


def give(hand: Hand) -> None:
    """
    Hand it a connection.
    """
    hand.put(*connections(1))
    assert hand.flush() == []


def take(hand: Hand) -> None:
    """
    Have the worker take it.
    """
    closed(list(receive(hand.queue.worker).connections))


def test_whoTakesSomethingIsSeen(hands: tuple[Hand, Hand]) -> None:
    """
    By the kernel, whatever it says on its page.
    """
    untaken, (one, two) = Untaken(), hands
    for hand in hands:
        untaken.enter(hand)
        untaken.enter(hand)
    untaken.look()
    assert not untaken.areAll(hands)
    for hand in hands:
        give(hand)
        untaken.handed({hand})
    assert untaken.areAll(hands)
    assert not untaken.look()
    take(one)
    assert untaken.look()
    assert not untaken.areAll(hands)
    assert untaken.areAll([two])
    take(two)


def test_whoIsNotWatchedIsNotWaitedFor(hands: tuple[Hand, Hand]) -> None:
    """
    Nor who is gone, though another has the number of its queue.
    """
    untaken, (one, two) = Untaken(), hands
    untaken.handed({one})
    assert not untaken.areAll([one])
    untaken.enter(one)
    untaken.handed({one})
    untaken.forget(one)
    untaken.forget(one)
    assert not untaken.areAll([one])
    untaken.handed({one})
    assert not untaken.areAll([one])
    before = one.queue.end
    one.queue.end = two.queue.end
    untaken.enter(one)
    one.queue.end = before
    untaken.handed({one})
    assert untaken.areAll([one])


def test_oneThatCannotBeWatched(hands: tuple[Hand, Hand]) -> None:
    """
    It is not waited for.
    """
    untaken, (one, _) = Untaken(), hands
    before = one.queue.end
    with open(os.devnull) as nothing:
        one.queue.end = nothing  # type: ignore[assignment]
        untaken.enter(one)
        one.queue.end = before
    untaken.handed({one})
    assert not untaken.areAll([one])
