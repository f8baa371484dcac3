"""
One worker's queue.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Iterator

import pytest
from attrs import define

from tests.leftovers import openNow
from twisted_cluster.core.counting import talliesFor
from twisted_cluster.core.member import Post
from twisted_cluster.core.roster import Roster
from twisted_cluster.errors import MessageError
from twisted_cluster.events import Limits
from twisted_cluster.primary.door import hands as module
from twisted_cluster.primary.door.hands import Hand, Hands
from twisted_cluster.wire.handed import METERED, SEEN, Handed, packRecord
from twisted_cluster.wire.handoff import (
    BATCH,
    HandoffQueue,
    receive,
    send,
)
from twisted_cluster.wire.page import Page

# Linux's, since 6.16.
SO_PASSRIGHTS = 83


def handOf(id: int = 1, limits: Limits = Limits()) -> Hand:  # noqa: B008
    page = Page.create(talliesFor(limits))
    page.headroom = 1000
    made = Hand(Post(id, id), page, HandoffQueue(), limits.worker)
    made.hasRoom()
    return made


@pytest.fixture
def hand() -> Iterator[Hand]:
    made = handOf()
    yield made
    made.queue.close()
    made.page.close()


def connections(count: int, listener: int = 1) -> list[Handed]:
    return [
        Handed(os.open(os.devnull, os.O_RDONLY), listener, ("192.0.2.1", n))
        for n in range(count)
    ]


def closed(some: list[Handed]) -> list[int]:
    """
    @return: The ports of connections, which are closed.
    """
    for one in some:
        os.close(one.fd)
    return [one.name[1] for one in some]


def test_moreThanOneMessage(hand: Hand) -> None:
    """
    A batch of any size goes in parts, in its order, and is closed here.
    """
    before = len(openNow())
    for one in connections(2 * BATCH + 3):
        hand.put(one)
    assert hand.flush() == []
    assert len(openNow()) == before
    sizes, found = [], []
    while hand.queue.depth():
        received = receive(hand.queue.worker).connections
        sizes.append(len(received))
        found += received
    assert sizes == [BATCH, BATCH, 3]
    assert closed(found) == list(range(2 * BATCH + 3))


def test_thePageSaysHowManyWereHandedOver(hand: Hand) -> None:
    """
    All that are in the queue, or were taken out by the worker.
    """
    said = []
    for count in (3, 2):
        for one in connections(count):
            hand.put(one)
        assert hand.flush() == []
        said.append(hand.page.sent)
    assert said == [3, 5]
    found = receive(hand.queue.worker).connections
    hand.page.taken += len(found)
    back = hand.takeBack()
    assert hand.page.sent == 3
    hand.queue.end = Refusing(hand.queue.end, 0)
    for one in back:
        hand.put(one)
    assert len(hand.flush()) == 2
    assert hand.page.sent == 3
    closed([*found, *back])


def test_whatNobodyHasHandedOverIsNotCounted(hand: Hand) -> None:
    """
    Somebody else has put it into the queue: there were not fewer than none.
    """
    (one,) = connections(1)
    send(hand.queue.end, [packRecord(1, one.name)], [one.fd])
    os.close(one.fd)
    assert hand.takeBack() == []
    assert hand.page.sent == 0


@define
class Refusing:
    """
    A queue that takes so many messages, and then refuses.
    """

    end: socket.socket
    left: int

    def sendmsg(self, *given: object) -> int:
        if not self.left:
            raise OSError(errno.ETOOMANYREFS, "too many references")
        self.left -= 1
        return self.end.sendmsg(*given)

    def fileno(self) -> int:
        return self.end.fileno()

    def shutdown(self, how: int) -> None:
        self.end.shutdown(how)

    def detach(self) -> int:
        return self.end.detach()


def test_whatIsRefusedComesBackInItsOrder(hand: Hand) -> None:
    """
    Unmarked, and not counted; the worker is full until it takes something, or the next
    look.
    """
    hand.queue.end = Refusing(hand.queue.end, 1)
    hand.limit(1, 1000)
    for one in connections(BATCH + 3):
        hand.put(one)
    back = hand.flush()
    assert hand.isCrowdedOut
    assert [one.flags for one in back] == [0] * 3
    assert closed(back) == [BATCH, BATCH + 1, BATCH + 2]
    assert hand.handedBy(1) == hand.queue.depth() == hand.queued == BATCH
    found = receive(hand.queue.worker).connections
    assert {one.flags for one in found} == {METERED}
    assert hand.full
    assert not hand.hasRoom()
    hand.page.taken += 10
    hand.refuse()
    assert not hand.hasRoom()
    hand.page.taken += BATCH - 10
    assert hand.hasRoom()
    closed(list(found))


def test_aLookTriesAgain(hand: Hand) -> None:
    hand.refuse()
    assert not hand.hasRoom()
    hand.lookAt(0)
    assert hand.hasRoom()


def test_whatIsTakenBackWasNotGiven() -> None:
    """
    Neither its listener's credit nor the worker's places have it.
    """
    hand = handOf(limits=Limits(worker=2))
    hand.limit(1, 2)
    for one in connections(2):
        hand.put(one)
    assert hand.flush() == []
    assert hand.hasMost
    assert not hand.mayTakeFrom(1)
    back = hand.takeBack()
    assert [one.flags for one in back] == [SEEN, SEEN]
    assert hand.handedBy(1) == hand.queued == 0
    assert not hand.full
    closed(back)
    hand.queue.close()
    hand.page.close()


def test_theKernelKnowsBetterThanTheWorker(hand: Hand) -> None:
    """
    How many it has not taken is asked of the queue, whatever it says; who says that it
    has taken more is accused of it.
    """
    accused: list[MessageError] = []
    hand.accuse = accused.append
    for one in connections(5):
        hand.put(one)
    hand.flush()
    assert (hand.reconcile(), accused) == (5, [])
    hand.page.taken = 100
    assert hand.reconcile() == 5
    said = "it says that it has taken 100 connections: of the 5 that it was handed 5 wait"
    assert str(accused[0]).startswith(said)
    closed(hand.takeBack())


@pytest.mark.parametrize(
    "spoil",
    [
        lambda end: end.shutdown(socket.SHUT_RD),
        lambda end: end.shutdown(socket.SHUT_RDWR),
        lambda end: end.setsockopt(socket.SOL_SOCKET, SO_PASSRIGHTS, 0),
    ],
)
def test_whoLetsNothingInIsAccused(
    hand: Hand, spoil: Callable[[socket.socket], None]
) -> None:
    """
    A worker can shut its end, or have it refuse descriptors. What was in it already
    comes back, or is closed; that has an end.
    """
    accused: list[MessageError] = []
    hand.accuse = accused.append
    first, second = connections(2)
    hand.put(first)
    hand.flush()
    try:
        spoil(hand.queue.worker)
    except OSError:
        pytest.skip("this system has no such option")
    hand.put(second)
    back = [*hand.flush(), *hand.takeBack()]
    assert closed(back) == [1, 0]
    assert "lets nothing in" in str(accused[0])


def test_allHandsAtATime() -> None:
    """
    What anybody's queue refuses is told together, and a flush of nothing is nothing.
    """
    told: list[int] = []
    roster: Roster[Hand] = Roster()
    hands = Hands(roster, lambda: told.append(1))
    one, two = handOf(1), handOf(2)
    assert list(hands.flush()) == []
    assert told == []
    two.queue.end = Refusing(two.queue.end, 0)
    for hand, connection in zip((one, two, one, two), connections(4)):
        hands.give(hand, connection)
    assert closed(list(hands.flush())) == [1, 3]
    assert told == [1]
    assert roster.full == {two}
    assert one.queue.depth() == 2
    for hand in (one, two):
        closed(hand.takeBack())
        hand.queue.close()
        hand.page.close()


def test_whoIsFasterOnceIsNotKilled(hand: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    An application may have its connections linger; who always has others wait is killed.
    """
    lies: list[MessageError] = []
    hand.accuse = lies.append
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(module.prompt, "close", closeAll)
    for now[0] in (1000.0, 1009.0, 1011.0, 1020.0):
        hand.put(*connections(1))
        assert hand.flush() == []
        assert not lies
    now[0] = 1020.5
    hand.put(*connections(1))
    assert hand.flush() == []
    assert [str(lie) for lie in lies] == [module.LINGERS]


def closeAll(fds: list[int]) -> bool:
    """
    Close them, which had to be waited for.
    """
    for fd in fds:
        os.close(fd)
    return False
