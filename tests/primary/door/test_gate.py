"""
Connections that come in, wait and are given.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator, Sequence

import pytest
from attrs import define
from twisted.logger import capturedLogs
from zope.interface import implementer

from tests.primary.primary import Primary, connect, portOf, taken
from tests.process.cluster import eventually
from twisted_cluster.core.member import LOST, RESERVE, WINDOW
from twisted_cluster.events import TCP, ConnectionFacts, Limits, ListenSpec, Look
from twisted_cluster.interfaces import (
    IGroupingPolicy,
    ILiningPolicy,
    ILookingPolicy,
    ISchedulingPolicy,
    IWorkerLoad,
)
from twisted_cluster.primary.door.door import BOUNCES
from twisted_cluster.primary.door.gate import BROKEN, MOST_ACCEPTED
from twisted_cluster.primary.door.hands import Hand
from twisted_cluster.primary.door.relief import GLANCE
from twisted_cluster.primary.door.waiting import LONGEST_WAIT
from twisted_cluster.primary.ports.listener import Listener
from twisted_cluster.wire.handed import Handed

SPEC = ListenSpec(TCP, "127.0.0.1", 0, backlog=511)


@implementer(ILookingPolicy, IGroupingPolicy, ILiningPolicy)
@define
class ByFirstByte:
    """
    The first byte that a client sends is its group.
    """

    look = Look(limit=1)
    groups = ("a", "b")

    def enough(self, first: bytes) -> bool:
        return True

    def choose(
        self, connection: ConnectionFacts, ready: Sequence[IWorkerLoad]
    ) -> IWorkerLoad | None:
        group = self.lineOf(connection)
        able = [one for one in ready if one.group == group]
        return min(able, key=lambda one: one.queued) if able else None

    def lineOf(self, connection: ConnectionFacts) -> str | None:
        return connection.first.decode() or None


@implementer(ISchedulingPolicy)
@define
class Nobody:
    """
    Lets connections wait until it has somebody for them.
    """

    isOpen: bool = False

    def choose(
        self, connection: ConnectionFacts, ready: Sequence[IWorkerLoad]
    ) -> IWorkerLoad | None:
        return ready[0] if self.isOpen else None


@pytest.fixture
def grouped() -> Iterator[Primary]:
    """
    A primary with a policy for groups.
    """
    made = Primary(ByFirstByte)
    yield made
    made.close()


def come(listener: Listener, group: bytes, count: int) -> list[socket.socket]:
    """
    So many clients of a group, who do not wait for an answer.
    """
    clients = connect(listener, count)
    for client in clients:
        client.sendall(group)
    return clients


def accept(primary: Primary, listener: Listener, count: int) -> None:
    """
    Let the primary accept until so many are in its hands.
    """
    gate = primary.gate(listener)

    def isDone() -> bool:
        for reader in primary.reactor.getReaders():
            reader.doRead()
        return gate.pending + primary.depth() >= count

    eventually(isDone, "connections have come")


def namesOf(connections: Sequence[Handed]) -> list[object]:
    for connection in connections:
        os.close(connection.fd)
    return [connection.name for connection in connections]


def addresses(clients: Sequence[socket.socket]) -> list[object]:
    return [client.getsockname() for client in clients]


# Who waits


def test_aBusyGroupsClientsAreServedInOrder(grouped: Primary) -> None:
    """
    As soon as its worker has taken something, and before those who come then; the
    other group is not kept waiting.
    """
    one, two = grouped.newWorker("a"), grouped.newWorker("b")
    listener = grouped.join(one, SPEC)
    grouped.join(two, SPEC)
    clients = []
    for _ in range(4):
        clients += come(listener, b"a", 20)
        accept(grouped, listener, len(clients))
    gate = grouped.gate(listener)
    assert (one.queue.depth(), gate.pending) == (WINDOW, 80 - WINDOW)
    assert gate.isReading
    assert one.page.waiting == 1
    assert two.page.waiting == 0
    others = come(listener, b"b", 5)
    accept(grouped, listener, 85)
    assert two.queue.depth() == 5
    served = namesOf(taken(one))
    late = come(listener, b"a", 3)
    accept(grouped, listener, 80 - WINDOW + 5 + 3)
    while one.queue.depth():
        served += namesOf(taken(one))
        grouped.door.changed()
    assert served == addresses([*clients, *late])
    assert one.page.waiting == 0
    assert sorted(map(str, namesOf(taken(two)))) == sorted(map(str, addresses(others)))
    for client in (*clients, *others, *late):
        client.close()


def test_aBusyWorkerKeepsWhatIsForItsGroup(grouped: Primary) -> None:
    """
    Nobody else could have it: it is not taken back, and it is offered more.
    """
    one, two = grouped.newWorker("a"), grouped.newWorker("b")
    listener = grouped.join(one, SPEC)
    grouped.join(two, SPEC)
    clients = come(listener, b"a", 3)
    accept(grouped, listener, 3)
    for _ in range(3):
        grouped.reactor.advance(GLANCE)
    assert one.stalled
    assert one.queue.depth() == 3
    clients += come(listener, b"a", 1)
    accept(grouped, listener, 4)
    assert one.queue.depth() == 4
    assert grouped.gate(listener).pending == 0
    for client in clients:
        client.close()


def test_aSiblingHasWhatAGroupsWorkerDoesNotTake(grouped: Primary) -> None:
    one, two = grouped.newWorker("a"), grouped.newWorker("b")
    listener = grouped.join(one, SPEC)
    grouped.join(two, SPEC)
    clients = come(listener, b"a", 3)
    accept(grouped, listener, 3)
    three = grouped.newWorker("a")
    grouped.join(three, SPEC)
    for _ in range(3):
        grouped.reactor.advance(GLANCE)
    assert (one.queue.depth(), three.queue.depth()) == (0, 3)
    assert namesOf(taken(three)) == addresses(clients)
    for client in clients:
        client.close()


def test_whenAllWaitForTheSameTheRestStaysInTheBacklog(grouped: Primary) -> None:
    """
    And nobody is closed: one worker alone would not do so either.
    """
    one, two = grouped.newWorker("a"), grouped.newWorker("b")
    listener = grouped.join(one, SPEC)
    grouped.join(two, SPEC)
    gate = grouped.gate(listener)
    gate.room.lines.most = 10
    clients = come(listener, b"a", WINDOW + 20)
    accept(grouped, listener, WINDOW + 10)
    assert not gate.isReading
    assert gate.pending == 10
    served: list[object] = []

    def isDone() -> bool:
        served.extend(namesOf(taken(one)))
        grouped.door.changed()
        for reader in grouped.reactor.getReaders():
            reader.doRead()
        return len(served) == len(clients)

    eventually(isDone, "all were served")
    assert served == addresses(clients)
    for client in clients:
        client.close()


def test_whenOthersAreServedTheOverflowIsClosed(grouped: Primary) -> None:
    """
    One group's crowd stops nobody else: those who came too late for the waiting room
    are closed, so that the others are found behind them.
    """
    one, two = grouped.newWorker("a"), grouped.newWorker("b")
    listener = grouped.join(one, SPEC)
    grouped.join(two, SPEC)
    gate = grouped.gate(listener)
    gate.room.lines.most = 10
    clients = come(listener, b"a", WINDOW + 9)
    accept(grouped, listener, WINDOW + 9)
    clients += come(listener, b"b", 1)
    accept(grouped, listener, WINDOW + 10)
    assert gate.room.lines.passed
    with capturedLogs() as logs:
        clients += come(listener, b"a", 5)
        clients += come(listener, b"b", 1)
        accept(grouped, listener, WINDOW + 10 + 2)
        # With what it had sent unread.
        with pytest.raises(ConnectionResetError):
            clients[-2].recv(1)
    assert any("too many" in str(event.get("what")) for event in logs)
    assert two.queue.depth() == 2
    assert gate.pending == 10
    for client in clients:
        client.close()


def test_afterHalfAMinuteItIsOver() -> None:
    """
    Whoever has waited for nobody so long is closed, and that is said.
    """
    primary = Primary(Nobody)
    try:
        listener = primary.join(primary.newWorker(), SPEC)
        [client] = connect(listener, 1)
        accept(primary, listener, 1)
        primary.now = LONGEST_WAIT - 1
        primary.door.look()
        assert primary.gate(listener).pending == 1
        primary.now = LONGEST_WAIT
        with capturedLogs() as logs, client:
            primary.door.look()
            assert client.recv(1) == b""
        assert any("30 s" in str(event.get("what")) for event in logs)
    finally:
        primary.close()


def test_whatAQueueRefusesHasWaitedAlready() -> None:
    """
    Its half minute does not begin anew; and it is the first in its line.
    """
    policy = Nobody()
    primary = Primary(lambda: policy)
    try:
        worker = primary.newWorker()
        listener = primary.join(worker, SPEC)
        clients = connect(listener, 3)
        accept(primary, listener, 3)
        worker.queue.end.close()
        policy.isOpen = True
        primary.now = LONGEST_WAIT // 2
        worker.page.heartbeat = primary.now
        primary.door.look()
        room = primary.gate(listener).room
        assert [one.connection.name for one in room.lines] == addresses(clients)
        assert {one.until for one in room.lines} == {LONGEST_WAIT}
        for client in clients:
            client.close()
    finally:
        primary.close()


def test_backFromAWorkerItHasLessTime(primary: Primary) -> None:
    """
    It has waited there; after three workers it is given up.
    """
    listener = primary.join(primary.newWorker(), SPEC)
    [client] = connect(listener, 1)
    primary.serve(listener)
    ours = primary.door.gates[listener.number]
    [worker] = primary.door._roster.members.values()
    [connection] = taken(worker)
    primary.door.leave(worker)
    for bounces in range(BOUNCES):
        primary.door.redirect([connection._replace(bounces=bounces)])
        [waiting] = ours.room.lines.clear()
        assert waiting.until == LONGEST_WAIT >> bounces
    with capturedLogs() as logs:
        primary.door.redirect([connection._replace(bounces=BOUNCES)])
    assert client.recv(1) == b""
    client.close()
    assert "3 workers sent back" in logs[0]["what"]


# Accepting


@define
class Failing:
    """
    A socket whose accept fails.
    """

    errors: list[int]

    def _accept(self) -> tuple[int, object]:
        raise OSError(self.errors.pop(), "no")

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    "number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM]
)
def test_whatTheSystemHasNoRoomForStaysInTheBacklog(
    primary: Primary, number: int
) -> None:
    """
    It is said, and tried again at the next look, not in a circle.
    """
    worker = primary.newWorker()
    listener = primary.join(worker, SPEC)
    gate = primary.gate(listener)
    socket_, listener.socket = listener.socket, Failing([number])
    with capturedLogs() as logs:
        gate.accept()
    assert len(logs) == 1
    assert not gate.isReading
    primary.door.changed()
    assert not gate.isReading
    listener.socket = socket_
    primary.door.look()
    assert gate.isReading
    [client] = connect(listener, 1)
    primary.serve(listener)
    assert worker.queue.depth() == 1
    client.close()


@pytest.mark.parametrize("number", sorted(BROKEN))
def test_whatIsBrokenIsPassedOver(primary: Primary, number: int) -> None:
    """
    Others may be behind it; that is no reason to rest.
    """
    listener = primary.join(primary.newWorker(), SPEC)
    gate = primary.gate(listener)
    socket_ = listener.socket
    listener.socket = Failing([errno.EAGAIN, number])
    gate._burst = 2
    gate.accept()
    assert listener.socket.errors == []
    assert gate.isReading
    listener.socket = socket_


def test_aTurnHasAnEnd(primary: Primary) -> None:
    """
    However many come, other ports have their turn.
    """
    listener = primary.join(primary.newWorker(), SPEC)
    two = primary.newWorker()
    primary.join(two, SPEC)
    clients = connect(listener, 60)
    gate = primary.gate(listener)
    for _ in range(7):
        before = primary.depth()
        gate.accept()
        assert primary.depth() - before <= MOST_ACCEPTED
    for client in clients:
        client.close()


def test_aBurstDoesNotPassTheDescriptorsThatThereAre(primary: Primary) -> None:
    """
    However fast a worker takes: the rest stays in the backlog, until it says that it has
    more.
    """
    worker = primary.newWorker()
    listener = primary.join(worker, SPEC)
    worker.page.headroom = RESERVE + 40
    clients = connect(listener, 60)
    gate = primary.gate(listener)
    served: list[object] = []

    def take(counted: int) -> None:
        for _ in range(8):
            gate.accept()
            found = taken(worker)
            worker.page.counted = counted
            served.extend(namesOf(found))
            primary.door.look()

    take(0)
    assert len(served) == 40
    assert not gate.isReading
    with capturedLogs() as logs:
        primary.door.look()
    assert worker.page.waiting == 1
    take(worker.page.taken)
    assert len(served) == 60
    assert len(logs) <= 1
    for client in clients:
        client.close()


def test_whoIsShortOfDescriptorsIsSaid(primary: Primary) -> None:
    worker = primary.newWorker()
    worker.page.headroom = RESERVE
    with capturedLogs() as logs:
        primary.door.look()
        primary.door.look()
    assert len([e for e in logs if "descriptors" in str(e.get("what"))]) == 1


def test_aPolicysEndIsNobodyElses() -> None:
    """
    It says SystemExit for each connection: all are served, and the port is read.
    """

    class Ending:
        def choose(self, connection, ready):
            raise SystemExit

    primary = Primary(Ending)
    try:
        worker = primary.newWorker()
        listener = primary.join(worker, SPEC)
        clients = connect(listener, 5)
        accept(primary, listener, 5)
        assert worker.queue.depth() == 5
        assert primary.gate(listener).isReading
        for client in clients:
            client.close()
    finally:
        primary.close()


def test_atTheEndWhatHasComeIsHandedOver(primary: Primary) -> None:
    """
    Also more than one turn's; what nobody has room for is not all.
    """
    worker = primary.newWorker()
    listener = primary.join(worker, SPEC)
    clients = connect(listener, WINDOW + 8)
    assert not primary.door.drainBacklogs()
    assert worker.queue.depth() == WINDOW
    namesOf(taken(worker))
    primary.door.changed()

    def isDone() -> bool:
        return primary.door.drainBacklogs() and worker.queue.depth() == 8

    eventually(isDone, "the rest is handed over")
    for client in clients:
        client.close()


def test_withALimitTheNextOnesAreTurnedAway() -> None:
    """
    With C{refuse} they are closed, with those that wait counted.
    """
    primary = Primary(limits=Limits(worker=2, atLimit="refuse"))
    try:
        worker = primary.newWorker()
        listener = primary.join(worker, SPEC)
        clients = connect(listener, 3)
        accept(primary, listener, 2)
        eventually(lambda: primary.gate(listener).accept() or True, "x")
        assert clients[2].recv(1) == b""
        for client in clients:
            client.close()
    finally:
        primary.close()


def test_aLostWorkersLoyalClientsGoToOthers() -> None:
    """
    What it has not taken is theirs once it has shown no life for ten seconds.
    """
    from tests.primary.door.test_stalls import First

    primary = Primary(First)
    try:
        one, two = primary.newWorker(), primary.newWorker()
        listener = primary.join(one, SPEC)
        primary.join(two, SPEC)
        clients = connect(listener, 3)
        accept(primary, listener, 3)
        assert one.queue.depth() == 3
        primary.now = two.page.heartbeat = LOST
        primary.door.look()
        assert (one.queue.depth(), two.queue.depth()) == (0, 3)
        for client in clients:
            client.close()
    finally:
        primary.close()


def test_whoComesInThePlaceOfAnother(primary: Primary) -> None:
    """
    A slot's old worker and its successor are two; the old one's end is not the new
    one's.
    """
    old = primary.newWorker(number=1)
    listener = primary.join(old, SPEC)
    new: Hand = primary.newWorker(number=1)
    assert primary.join(new, SPEC) is listener
    primary.door.leave(old)
    primary.table.forget(old)
    primary.door.forget(old)
    with connect(listener, 1)[0]:
        primary.serve(listener)
        assert new.queue.depth() == 1
    assert portOf(listener)
