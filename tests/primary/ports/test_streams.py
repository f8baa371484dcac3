"""
TCP: a socket for each slot, among which the kernel chooses; all of them the primary's.
"""

from __future__ import annotations

import select
import socket
import sys
from contextlib import ExitStack

import pytest

from tests.primary.ports.streams import (
    MANY,
    SPEC,
    clients,
    close,
    come,
    drain,
    groupOf,
    joined,
    look,
    primary,
    waitingFor,
)
from tests.primary.primary import Primary, portOf
from twisted_cluster.core.messages import KERNEL
from twisted_cluster.events import TCP, Dispatch, ListenSpec
from twisted_cluster.policies.random_choice import RandomChoice
from twisted_cluster.primary.ports.dispatching import Dispatching
from twisted_cluster.primary.ports.listener import Listener
from twisted_cluster.primary.ports.reserve import LEAST, placesFor
from twisted_cluster.wire.reuseport import detach

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux has such groups")
__all__ = ["clients", "primary"]


def test_eachHasASocketOfItsOwn(primary: Primary, clients: ExitStack) -> None:
    """
    All who come wait at the sockets of those who are chosen.
    """
    listener, _ = joined(primary, 3)
    assert listener.mode == KERNEL
    come(clients, listener)
    waiting = waitingFor(listener)
    assert sum(waiting.values()) == MANY
    assert min(waiting.values()) > 0


def test_nobodyIsChosenWhoIsNotThere(primary: Primary, clients: ExitStack) -> None:
    """
    While nobody can accept who comes waits with the primary, and is handed over later.
    """
    worker = primary.newWorker()
    listener = primary.join(worker, SPEC)
    primary.door.leave(worker)
    come(clients, listener, 5)
    assert waitingFor(listener) == {1: 0}
    primary.door.enter(worker)
    look(primary, [worker])
    assert primary.serve(listener, 5) == 5
    assert close(primary, [worker]) == 5


@pytest.mark.parametrize("way", ["leaves", "dies", "is silent", "takes nothing"])
def test_whatIsNotAcceptedOthersGet(
    primary: Primary, clients: ExitStack, way: str
) -> None:
    """
    Of whoever cannot accept, or does not; and nobody else comes there.
    """
    listener, workers = joined(primary, 3)
    first, *others = workers
    come(clients, listener)
    waited = waitingFor(listener)[1]
    if way == "leaves":
        primary.table.leave(first, listener.number)
    elif way == "dies":
        primary.door.forget(first)
        primary.table.forget(first)
    else:
        for worker in others:
            worker.page.accept(listener.number)
        for _ in range(8):
            look(primary, others)
            if way == "takes nothing":
                for worker in others:
                    worker.page.accept(listener.number)
                primary.reactor.advance(0.02)
                break
    drain(primary, listener)
    assert waitingFor(listener).get(1, 0) == 0
    assert close(primary, others) == waited > 0
    come(clients, listener)
    assert waitingFor(listener).get(1, 0) == 0


def test_atTheEndAllComeToTheLastThatLetsIn(primary: Primary, clients: ExitStack) -> None:
    """
    Who came to one that is hidden already would hear nothing for a second.
    """
    listener, workers = joined(primary, 2)
    groupOf(listener).end()
    primary.door.leave(workers[1])
    look(primary, workers)
    come(clients, listener, 10)
    assert sum(waitingFor(listener).values()) == 0
    assert primary.serve(listener, 10) == 10
    assert close(primary, workers) == 10


def test_whoTakesItsPlaceHasItsSocket(primary: Primary, clients: ExitStack) -> None:
    """
    And is chosen.
    """
    listener, workers = joined(primary, 2)
    before = groupOf(listener).members[1]
    primary.door.forget(workers[0])
    primary.table.forget(workers[0])
    successor = primary.newWorker(number=1)
    primary.join(successor, SPEC)
    look(primary, [workers[1], successor])
    assert groupOf(listener).members[3] is before
    come(clients, listener)
    assert waitingFor(listener)[3] > 0


def test_whileThereAreTwoEachHasOne(primary: Primary, clients: ExitStack) -> None:
    """
    In a reload a slot has two workers; what the one that goes leaves others get, and its
    socket the next one has.
    """
    listener, [old] = joined(primary, 1)
    new = primary.newWorker(number=1)
    primary.join(new, SPEC)
    look(primary, [old, new])
    first, second = (groupOf(listener).members[one.id] for one in (old, new))
    assert first is not second
    come(clients, listener)
    waited = waitingFor(listener)[old.id]
    primary.door.leave(old)
    primary.table.leave(old, listener.number)
    drain(primary, listener)
    assert close(primary, [new]) == waited
    third = primary.newWorker(number=1)
    primary.join(third, SPEC)
    assert groupOf(listener).members[third.id] is first


def test_whatIsBrokenIsNoLongerChosen(primary: Primary, clients: ExitStack) -> None:
    """
    A socket that its worker has shut down is nobody's; the next one in the slot has
    another, and meanwhile the others are chosen.
    """
    listener, workers = joined(primary, 2)
    group = groupOf(listener)
    broken = group.members[1]
    broken.shutdown(socket.SHUT_RD)
    assert group.look() == {1: {workers[0].id}}
    look(primary, workers)
    come(clients, listener)
    assert waitingFor(listener) == {2: MANY}
    successor = primary.newWorker(number=1)
    primary.join(successor, SPEC)
    look(primary, [*workers, successor])
    assert group.members[3] is not broken
    come(clients, listener)
    assert waitingFor(listener)[3] > 0


def test_aFilterIsSeen(primary: Primary) -> None:
    """
    Whatever keeps clients from a socket is seen soon, and is its worker's harm alone.
    """
    listener, workers = joined(primary, 2)
    group = groupOf(listener)
    group.members[2].listen(0)
    found: dict[int, set[int]] = {}
    for _ in range(1000):
        found = found or group.look()
        select.select([], [], [], 0.0 if found else 0.001)
    assert found == {2: {workers[1].id}}


def test_whatIsDetachedIsAttachedAgain(primary: Primary, clients: ExitStack) -> None:
    """
    Whoever has a socket of the group can detach the program; then the kernel chooses any,
    and nobody is lost.
    """
    listener, workers = joined(primary, 2)
    detach(groupOf(listener).members[1])
    come(clients, listener)
    assert sum(waitingFor(listener).values()) < MANY
    look(primary, workers)
    drain(primary, listener)
    while primary.gate(listener).accept():
        pass
    before = sum(waitingFor(listener).values())
    assert close(primary, workers) + before == MANY
    come(clients, listener)
    assert sum(waitingFor(listener).values()) == before + MANY


def test_moreSlotsThanSockets(clients: ExitStack) -> None:
    """
    When no more can be bound some have one together.
    """
    primary = Primary(RandomChoice, dispatching=Dispatching(Dispatch("kernel"), 2))
    listener, _ = joined(primary, 2)
    group = groupOf(listener)
    group._count = 1 << 20
    third = primary.newWorker()
    primary.join(third, SPEC)
    assert group.members[3] in (group.members[1], group.members[2])
    primary.close()


def test_strangersAreRefused(primary: Primary) -> None:
    """
    A port that somebody has is in use, also if that one has SO_REUSEPORT set.
    """
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        port = stranger.getsockname()[1]
        with pytest.raises(OSError, match="in use"):
            primary.join(primary.newWorker(), ListenSpec(TCP, "127.0.0.1", port))


@pytest.mark.parametrize("where", ["", "127.0.0.1", "::1"])
def test_nobodyElseJoins(primary: Primary, where: str) -> None:
    """
    Not even who is the same user, and has SO_REUSEPORT as well; nor does one that ceased
    to listen again.
    """
    worker = primary.newWorker()
    listener = primary.join(worker, ListenSpec(TCP, where, 0, backlog=500))
    group = groupOf(listener)
    assert group.isClosed
    for _ in range(2):
        with pytest.raises(OSError, match="in use"):
            bindBeside(listener)
        broken = group.members[worker.id]
        broken.shutdown(socket.SHUT_RD)
        with pytest.raises(OSError, match="in use"):
            broken.listen()
        # Another one is bound.
        group._free.clear()
        assert group.look() == {1: {worker.id}}
        assert group.socketOf(1, worker.id) is not broken


def bindBeside(listener: Listener) -> None:
    with socket.socket(listener.socket.family) as stranger:
        for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
            stranger.setsockopt(socket.SOL_SOCKET, option, 1)
        stranger.bind(listener.name)


def test_theLastOneOutClosesThePort(primary: Primary) -> None:
    """
    All its sockets.
    """
    listener, [worker] = joined(primary, 1)
    primary.table.leave(worker, listener.number)
    with socket.socket() as again:
        again.bind(("127.0.0.1", portOf(listener)))


def test_placesForMoreThanThereAre() -> None:
    """
    A broken socket's slot has another; and there is an end.
    """
    assert placesFor(1) == placesFor(8) == LEAST
    assert placesFor(40) == 80
    assert placesFor(1000) == 255


def test_aGenerationHasItsPart(primary: Primary, clients: ExitStack) -> None:
    """
    A canary's workers have so many of all connections, and no more, until it is over.
    """
    listener, workers = joined(primary, 3)
    primary.door.leave(workers[2])
    workers[2].generation = 2
    primary.door.enter(workers[2])
    primary.door.share(2, 0.1, RandomChoice)
    come(clients, listener, 200)
    # Of 20, by chance, with a deviation of 4.
    assert 0 < waitingFor(listener)[3] < 45
    primary.door.share(2, None, RandomChoice)
    before = waitingFor(listener)[3]
    come(clients, listener, 200)
    assert waitingFor(listener)[3] - before > 45


def test_whatWaitsIsToldWithoutALock(primary: Primary, clients: ExitStack) -> None:
    """
    Wherever it does.
    """
    listener, _ = joined(primary, 2)
    come(clients, listener, 20)
    assert groupOf(listener).backlog == 20
