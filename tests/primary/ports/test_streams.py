"""
TCP: a socket for each slot, among which the kernel chooses; all of them the primary's.
"""

from __future__ import annotations

import os
import select
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import pytest

from tests.primary.ports.test_steering import mayLoad
from tests.primary.primary import Primary, connect, portOf, taken
from tests.process.cluster import eventually
from twisted_cluster.core.messages import HANDOFF, KERNEL, SHARED
from twisted_cluster.events import TCP, ConnectionFacts, Dispatch, ListenSpec
from twisted_cluster.interfaces import ISchedulingPolicy, IWorkerLoad
from twisted_cluster.policies.least_connections import LeastConnections
from twisted_cluster.policies.least_lag import LeastLag
from twisted_cluster.policies.power_of_two import PowerOfTwo
from twisted_cluster.policies.random_choice import RandomChoice
from twisted_cluster.policies.round_robin import RoundRobin
from twisted_cluster.policies.sticky import makeSticky
from twisted_cluster.policies.weighted import Weighted
from twisted_cluster.primary.door.hands import Hand
from twisted_cluster.primary.ports.dispatching import Dispatching
from twisted_cluster.primary.ports.listener import Listener
from twisted_cluster.primary.ports.listeners import mostPorts
from twisted_cluster.primary.ports.loads import AT_ONCE
from twisted_cluster.primary.ports.reserve import LEAST, placesFor
from twisted_cluster.primary.ports.streams import StreamGroup
from twisted_cluster.wire.backlog import backlogOf
from twisted_cluster.wire.page import LISTENERS
from twisted_cluster.wire.reuseport import detach

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux has such groups")
SPEC = ListenSpec(TCP, "127.0.0.1", 0, backlog=500)
ASKED = Dispatching(Dispatch("kernel"))
MANY = 60
needsExtended = pytest.mark.skipif(not mayLoad(), reason="needs CAP_BPF")


@pytest.fixture
def primary() -> Iterator[Primary]:
    """
    One whose workers accept themselves.
    """
    made = Primary(RandomChoice, dispatching=ASKED)
    yield made
    made.close()


def joined(primary: Primary, count: int) -> tuple[Listener, list[Hand]]:
    """
    A listener, and workers that are chosen.
    """
    workers = [primary.newWorker() for _ in range(count)]
    listener, *_ = [primary.join(worker, SPEC) for worker in workers]
    look(primary, workers)
    return listener, workers


def look(primary: Primary, alive: list[Hand]) -> None:
    primary.now += 50_000_000
    for worker in alive:
        worker.page.heartbeat = primary.now
    primary.door.look()


def groupOf(listener: Listener) -> StreamGroup:
    assert listener.streams is not None
    return listener.streams


def waitingFor(listener: Listener) -> dict[int, int]:
    """
    How many the kernel has, by the worker's id.
    """
    members = groupOf(listener).members
    return {id: backlogOf(one) or 0 for id, one in members.items()}


def drain(primary: Primary, listener: Listener) -> None:
    """
    As the reactor would, have what nobody accepts be taken.
    """
    helm = primary.gate(listener)._helm
    assert helm is not None
    poll = select.poll()
    poll.register(groupOf(listener).unaccepted.idle, select.POLLIN)
    while poll.poll(0):
        helm._take()
        helm._gather(list(helm._taking), 0.2)


@pytest.fixture
def clients() -> Iterator[ExitStack]:
    """
    Closes what is entered.
    """
    with ExitStack() as stack:
        yield stack


def come(clients: ExitStack, listener: Listener, count: int = MANY) -> None:
    """
    So many connect, and wait somewhere.
    """
    before = waitingAnywhere(listener)
    for client in connect(listener, count):
        clients.enter_context(client)
    # Who has connected is on the way still, where the kernel has much to do.
    eventually(lambda: waitingAnywhere(listener) == before + count, "all have come")


def waitingAnywhere(listener: Listener) -> int:
    sockets = [listener.socket, *groupOf(listener).sockets]
    return sum(backlogOf(one) or 0 for one in sockets)


def close(primary: Primary, workers: list[Hand]) -> int:
    """
    @return: How many connections they are handed until nobody waits.
    """
    count = 0
    while handed := [one.fd for worker in workers for one in taken(worker)]:
        for fd in handed:
            os.close(fd)
        count += len(handed)
        primary.door.changed()
    return count


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


@pytest.mark.parametrize(
    ("policy", "mode"),
    [
        (RandomChoice(), KERNEL),
        (LeastLag(), HANDOFF),
        (None, SHARED),
    ],
)
def test_whatTheKernelCannotDoIsDoneHere(
    policy: ISchedulingPolicy | None, mode: str
) -> None:
    """
    A policy without a program is the primary's.
    """
    primary = Primary(lambda: policy, dispatching=ASKED)
    assert primary.join(primary.newWorker(), SPEC).mode == mode
    primary.close()


class Backwards(RandomChoice):
    """
    Does not choose as what it is made from.
    """

    def choose(
        self, connection: ConnectionFacts, ready: Sequence[IWorkerLoad]
    ) -> IWorkerLoad:
        return ready[-1]


@pytest.mark.parametrize(
    ("policy", "asked", "mode"),
    [
        (RandomChoice(), "auto", KERNEL),
        (RandomChoice(7), "auto", HANDOFF),
        (RandomChoice(7), "kernel", KERNEL),
        (makeSticky(by="address"), "auto", HANDOFF),
        (makeSticky(by="address"), "kernel", KERNEL),
        (Backwards(), "kernel", HANDOFF),
        (Weighted(), "auto", KERNEL if mayLoad() else HANDOFF),
        (PowerOfTwo(7), "auto", HANDOFF),
        (LeastConnections(), "auto", KERNEL if mayLoad() else HANDOFF),
        (RoundRobin(), "auto", KERNEL if mayLoad() else HANDOFF),
    ],
)
def test_whatWouldBeLostIsDoneHere(
    policy: ISchedulingPolicy, asked: str, mode: str
) -> None:
    """
    Where it is not said that the kernel is to choose it does only what the policy would
    do; and never what another policy would.
    """
    primary = Primary(lambda: policy, dispatching=Dispatching(Dispatch(asked)))
    assert primary.join(primary.newWorker(), SPEC).mode == mode
    primary.close()


def test_whatIsWorthNoGroup() -> None:
    """
    Where descriptors are few, or what a worker accepts would count for two ports, the
    primary accepts.
    """
    primary = Primary(RandomChoice, dispatching=Dispatching(Dispatch()))
    worker = primary.newWorker()
    listeners = [primary.join(worker, SPEC, ordinal=n) for n in range(LISTENERS + 1)]
    assert [one.mode for one in listeners] == [*[KERNEL] * LISTENERS, HANDOFF]
    primary.close()
    few = Dispatching(Dispatch(), mostPorts())
    primary = Primary(RandomChoice, dispatching=few)
    assert primary.join(primary.newWorker(), SPEC).mode == HANDOFF
    primary.close()


@needsExtended
def test_workersCannotHoldItUpByPrograms() -> None:
    """
    Programs that take long to load are for few of the ports that workers open, as often
    as they may do that.
    """
    primary = Primary(LeastConnections, dispatching=Dispatching(Dispatch()))
    worker = primary.newWorker()
    opened = [primary.join(worker, SPEC, ordinal=n) for n in range(int(AT_ONCE) + 2)]
    ways = [one.mode for one in opened]
    assert {*ways[: int(AT_ONCE)]} == {KERNEL}
    assert ways[-1] == HANDOFF
    primary.close()


def test_anotherPolicyMayHaveNoProgram(primary: Primary, clients: ExitStack) -> None:
    """
    Then the primary hands over what comes from then on, until another one has.
    """
    listener, workers = joined(primary, 2)
    primary.table.choose(listener, LeastLag())
    assert listener.way == HANDOFF
    come(clients, listener, 10)
    assert sum(waitingFor(listener).values()) == 0
    assert primary.serve(listener, 10) == 10
    assert close(primary, workers) == 10
    primary.table.choose(listener, RandomChoice())
    assert listener.way == KERNEL
    come(clients, listener)
    assert sum(waitingFor(listener).values()) == MANY


def test_whoLimitsItsConnectionsIsHandedThem(
    primary: Primary, clients: ExitStack
) -> None:
    """
    No more than it is willing to have; and so are all others from then on, whatever the
    policy.
    """
    listener, workers = joined(primary, 1)
    workers.append(primary.newWorker())
    primary.join(workers[1], SPEC, room=2)
    primary.door.leave(workers[0])
    look(primary, workers[1:])
    for policy in (RandomChoice(), RoundRobin()):
        primary.table.choose(listener, policy)
        assert listener.way == HANDOFF
    come(clients, listener, 5)
    assert sum(waitingFor(listener).values()) == 0
    assert primary.serve(listener, 5) == 2
    primary.table.limit(workers[1], listener.number, 5)
    assert primary.serve(listener, 5) == 5


@needsExtended
def test_anotherPolicyIsAnotherProgram(clients: ExitStack) -> None:
    """
    Whoever waited is where he was.
    """
    primary = Primary(RoundRobin, dispatching=ASKED)
    listener, workers = joined(primary, 3)
    come(clients, listener, 9)
    assert set(waitingFor(listener).values()) == {3}
    primary.table.choose(listener, LeastConnections())
    workers[0].page.opened = 5
    look(primary, workers)
    come(clients, listener, 10)
    assert waitingFor(listener) == {1: 3, 2: 8, 3: 8}
    primary.table.choose(listener, RandomChoice())
    come(clients, listener)
    assert waitingFor(listener)[1] > 3
    primary.close()


@needsExtended
def test_thePrimaryGivesAPartThatTheKernelCannot(clients: ExitStack) -> None:
    """
    A canary's share is kept, whatever the policy.
    """
    primary = Primary(LeastConnections, dispatching=ASKED)
    listener, workers = joined(primary, 3)
    primary.door.leave(workers[2])
    workers[2].generation = 2
    primary.door.enter(workers[2])
    primary.door.share(2, 0.1, LeastConnections)
    come(clients, listener, 20)
    assert sum(waitingFor(listener).values()) == 0
    assert primary.serve(listener, 20) == 20
    assert workers[2].queue.depth() == 2
    assert close(primary, workers) == 20
    primary.door.share(2, None, LeastConnections)
    come(clients, listener, 20)
    assert sum(waitingFor(listener).values()) == 20
    primary.close()


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
