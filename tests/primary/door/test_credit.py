"""
No worker is given more than it is willing to take.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from tests.primary.primary import Primary, connect, taken
from twisted_cluster.events import TCP, ListenSpec
from twisted_cluster.primary.door.hands import Hand
from twisted_cluster.primary.ports.listener import Listener
from twisted_cluster.wire.handed import METERED

SPEC = ListenSpec(TCP, "127.0.0.1", 0)


def closing(worker: Hand) -> int:
    connections = taken(worker)
    for connection in connections:
        os.close(connection.fd)
    return len(connections)


def givenTo(primary: Primary, listener: Listener, worker: Hand) -> int:
    for client in connect(listener, 10):
        client.close()
    primary.serve(listener, 10)
    return closing(worker)


def test_exactlyAsManyAsItIsWillingToTake(primary: Primary) -> None:
    """
    At its limit the primary stops accepting; one more place is one more connection,
    and a place said twice is still one.
    """
    worker = primary.newWorker()
    listener = primary.join(worker, SPEC, room=3)
    assert givenTo(primary, listener, worker) == 3
    assert not primary.gate(listener).isReading
    for _ in range(2):
        primary.table.limit(worker, listener.number, 4)
        primary.serve(listener)
        primary.table.limit(worker, listener.number, 4)
    assert closing(worker) == 1
    assert not primary.gate(listener).isReading


def test_othersTakeTheRest(primary: Primary) -> None:
    """
    A worker with no limit takes what the others will not.
    """
    limited, other = primary.newWorker(), primary.newWorker()
    listener = primary.join(limited, SPEC, room=2)
    primary.join(other, SPEC)
    assert givenTo(primary, listener, limited) == 2
    assert closing(other) == 8


@pytest.mark.parametrize("room", [0, 1])
def test_roomForNoneParks(primary: Primary, room: int) -> None:
    """
    None at all is a limit as well; L{None} lifts it.
    """
    worker = primary.newWorker()
    listener = primary.join(worker, SPEC, room=room)
    assert givenTo(primary, listener, worker) == room
    primary.table.limit(worker, listener.number, None)
    primary.serve(listener, 10 - room)
    assert closing(worker) == 10 - room


def test_limitSetLaterCountsFromThen(primary: Primary) -> None:
    """
    Only what is marked counts, at both ends, so that neither minds what was on its way.
    """
    worker = primary.newWorker()
    listener = primary.join(worker, SPEC)
    assert givenTo(primary, listener, worker) == 10
    primary.table.limit(worker, listener.number, 2)
    for client in connect(listener, 5):
        client.close()
    primary.serve(listener, 5)
    marks = [connection.flags & METERED for connection in taken(worker)]
    assert marks == [METERED] * 2


def full(worker: Hand) -> None:
    # Where the kernel has no room left.
    worker.queue.end.close()


def unread(worker: Hand) -> None:
    worker.fresh = False


@pytest.mark.parametrize("break_", [full, unread])
def test_whatItHasNotGotDoesNotCount(
    primary: Primary, break_: Callable[[Hand], None]
) -> None:
    """
    What could not be sent, or was taken back, bears no mark and is not counted.
    """
    worker, other = primary.newWorker(), primary.newWorker()
    listener = primary.join(worker, SPEC, room=4)
    clients = connect(listener, 4)
    if break_ is full:
        full(worker)
        primary.serve(listener, 4)
    else:
        primary.serve(listener, 4)
        assert worker.handedBy(listener.number) == 4
        unread(worker)
        primary.join(other, SPEC)
        primary.door.redirect(worker.takeBack())
        assert [one.flags & METERED for one in taken(other)] == [0] * 4
    assert worker.handedBy(listener.number) == 0
    assert all(one.connection.flags == 0 for one in primary.gate(listener).room.lines)
    for client in clients:
        client.close()


def test_countOutlivesTheMembership(primary: Primary) -> None:
    """
    A worker that listens again begins with the room it asks for, whatever it has had.
    """
    worker, other = primary.newWorker(), primary.newWorker()
    listener = primary.join(worker, SPEC, room=3)
    assert givenTo(primary, listener, worker) == 3
    primary.join(other, SPEC, room=0)
    primary.table.leave(worker, listener.number)
    assert primary.join(worker, SPEC, room=1) is listener
    primary.serve(listener)
    assert closing(worker) == 1
    assert worker.handedBy(listener.number) == 4


def test_closedListenerIsForgotten(primary: Primary) -> None:
    """
    What was counted for a listener goes with it.
    """
    worker = primary.newWorker()
    listener = primary.join(worker, SPEC, room=3)
    primary.table.leave(worker, listener.number)
    assert worker.credits == {}
