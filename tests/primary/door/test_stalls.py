"""
Workers that do not take what they are handed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from zope.interface import implementer

from tests.logged import logging
from tests.primary.primary import Primary, connect, taken
from tests.wire.poor import fewDescriptors
from twisted_cluster.core.member import STALE, WINDOW
from twisted_cluster.events import TCP, UDP, Limits, ListenSpec
from twisted_cluster.interfaces import ILoyalPolicy
from twisted_cluster.primary.door.hands import Hand
from twisted_cluster.primary.door.relief import GLANCE
from twisted_cluster.primary.ports.listener import Listener

SPEC = ListenSpec(TCP, "127.0.0.1", 0)


@implementer(ILoyalPolicy)
class First:
    """
    The first one there is.
    """

    def choose(self, connection, ready):
        return ready[0]


def take(worker: Hand) -> int:
    """
    Have a worker take all that it was handed.
    """
    found = taken(worker)
    for connection in found:
        os.close(connection.fd)
    return len(found)


def glances(primary: Primary, count: int = 2) -> None:
    """
    Let the time pass in which the door looks so many times.
    """
    for _ in range(count):
        primary.reactor.advance(GLANCE)


@pytest.fixture
def pair(primary: Primary) -> Iterator[tuple[Hand, Hand, Listener]]:
    """
    Two workers and what they listen on.
    """
    one, two = primary.newWorker(), primary.newWorker()
    listener = primary.join(one, SPEC)
    primary.join(two, SPEC)
    return one, two, listener


def serve(primary: Primary, listener: Listener, count: int) -> None:
    """
    So many clients come.
    """
    while count:
        # No more at once than the backlog holds.
        some = min(count, 25)
        before = primary.depth()
        for client in connect(listener, some):
            client.close()
        primary.serve(listener, before + some)
        count -= some


def test_whatAWorkerDoesNotTakeOthersGet(
    primary: Primary, pair: tuple[Hand, Hand, Listener]
) -> None:
    """
    After two looks; until its heart beats it is given nothing more.
    """
    one, two, listener = pair
    serve(primary, listener, 4)
    assert take(one) == 2
    glances(primary)
    assert two.stalled
    assert (two.queue.depth(), one.queue.depth()) == (0, 2)
    serve(primary, listener, 4)
    assert (two.queue.depth(), one.queue.depth()) == (0, 6)
    assert take(one) == 6
    two.page.heartbeat += 1
    glances(primary, 1)
    serve(primary, listener, 4)
    assert (two.queue.depth(), one.queue.depth()) == (2, 2)


def test_withoutFreeDescriptorsNothingIsTakenBack(
    primary: Primary, pair: tuple[Hand, Hand, Listener]
) -> None:
    """
    The kernel would close what there is no number for; it is told once, and tried again.
    """
    one, two, listener = pair
    serve(primary, listener, 20)
    take(one)
    primary.now = one.page.heartbeat = STALE
    with fewDescriptors(9), logging() as logged:
        primary.door.look()
        primary.door.look()
        assert two.queue.depth() == 10
    assert len(logged.events) == 1
    primary.door.look()
    assert (two.queue.depth(), one.queue.depth()) == (0, 10)


def test_whenNobodyTakesAnythingNothingMoves(
    primary: Primary, pair: tuple[Hand, Hand, Listener]
) -> None:
    """
    All are as busy: they are offered connections still.
    """
    one, two, listener = pair
    serve(primary, listener, 4)
    glances(primary, 3)
    assert one.stalled
    assert two.stalled
    serve(primary, listener, 4)
    assert (one.queue.depth(), two.queue.depth()) == (4, 4)


def test_onlyWhatOthersHaveRoomForMoves(
    primary: Primary, pair: tuple[Hand, Hand, Listener]
) -> None:
    """
    The rest stays where it is, and nothing is held.
    """
    one, two, listener = pair
    serve(primary, listener, 2 * WINDOW - 10)
    assert one.queue.depth() == two.queue.depth() == WINDOW - 5
    glances(primary, 1)
    take(one)
    serve(primary, listener, 10)
    glances(primary, 1)
    assert two.stalled
    assert not one.stalled
    assert (one.queue.depth(), two.queue.depth()) == (WINDOW, 5)
    assert not primary.gate(listener).room.lines


def test_loyalConnectionsStay() -> None:
    """
    Also beside a port whose datagrams know no loyalty, and however many they are.
    """
    primary = Primary(First)
    try:
        one, two = primary.newWorker(), primary.newWorker()
        listener = primary.join(one, SPEC)
        primary.join(two, SPEC)
        primary.join(one, ListenSpec(UDP, "127.0.0.1", 0), 1)
        serve(primary, listener, 100)
        glances(primary, 3)
        primary.now = STALE
        two.page.heartbeat = primary.now
        primary.door.look()
        assert not one.fresh
        assert (one.queue.depth(), two.queue.depth()) == (100, 0)
        assert take(one) == 100
    finally:
        primary.close()


def test_workersAreAskedToSpeakOnlyWhileSomebodyWaits() -> None:
    """
    The flag is set when nothing more can be accepted, and taken back when it can.
    """
    primary = Primary(limits=Limits(worker=1))
    try:
        worker = primary.newWorker()
        listener = primary.join(worker, SPEC)
        assert worker.page.waiting == 0
        serve(primary, listener, 1)
        assert not primary.gate(listener).isReading
        assert worker.page.waiting == 1
        assert take(worker) == 1
        worker.page.ended[0] += 1
        primary.door.changed()
        assert primary.gate(listener).isReading
        assert worker.page.waiting == 0
    finally:
        primary.close()
