"""
UDP: a socket for each worker, all of them the primary's.
"""

from __future__ import annotations

import os
import socket
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.primary.primary import Primary, portOf, received, taken
from twisted_cluster.core.messages import SHARED
from twisted_cluster.events import UDP, ListenSpec
from twisted_cluster.primary.door.hands import Hand
from twisted_cluster.primary.ports.dispatching import Dispatching
from twisted_cluster.primary.ports.groups import DatagramGroup
from twisted_cluster.primary.ports.listener import Listener
from twisted_cluster.wire.handed import RELAYED
from twisted_cluster.wire.relayed import Datagram, relayed

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux has such groups")
SPEC = ListenSpec(UDP, "127.0.0.1", 0)
PEERS = 60


@pytest.fixture
def peers() -> Iterator[list[socket.socket]]:
    """
    Many clients.
    """
    with ExitStack() as stack:
        yield [
            stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
            for _ in range(PEERS)
        ]


def sendAll(peers: list[socket.socket], listener: Listener, times: int = 1) -> None:
    for _ in range(times):
        for peer in peers:
            peer.sendto(b"x", ("127.0.0.1", portOf(listener)))


def socketOf(listener: Listener, number: int) -> socket.socket:
    assert listener.group is not None
    return listener.group.members[number]


def test_aPeerStaysWithOneSocket(primary: Primary, peers: list[socket.socket]) -> None:
    """
    All that a peer sends is in one worker's socket, and no socket is without peers.
    """
    workers = [primary.newWorker() for _ in range(3)]
    listener, *_ = [primary.join(worker, SPEC) for worker in workers]
    sendAll(peers, listener, 3)
    servers = defaultdict(list)
    for worker in workers:
        for _, peer in received(socketOf(listener, worker.number)):
            servers[peer].append(worker.number)
    assert [len(served) for served in servers.values()] == [3] * PEERS
    assert all(len(set(served)) == 1 for served in servers.values())
    assert {number for served in servers.values() for number in served} == {1, 2, 3}


def test_strangersAreRefused(primary: Primary) -> None:
    """
    A port that somebody has is in use, also if that one has SO_REUSEPORT set.
    """
    with socket.socket(type=socket.SOCK_DGRAM) as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        stranger.bind(("127.0.0.1", 0))
        port = stranger.getsockname()[1]
        with pytest.raises(OSError, match="in use"):
            primary.join(primary.newWorker(), ListenSpec(UDP, "127.0.0.1", port))


def test_deadWorkersDatagramsAreForItsReplacement(
    primary: Primary, peers: list[socket.socket]
) -> None:
    """
    Who takes a dead worker's place gets its socket, with what is queued there.
    """
    one, two = primary.newWorker(), primary.newWorker()
    listener = primary.join(one, SPEC)
    primary.join(two, SPEC)
    before = socketOf(listener, 1)
    sendAll(peers, listener)
    primary.table.forget(one)
    assert primary.join(one, SPEC) is listener
    assert socketOf(listener, 1) is before
    found = [len(list(received(socketOf(listener, number)))) for number in (1, 2)]
    assert sum(found) == PEERS
    assert min(found) > 0


WAYS = ["leaves", "dies", "is not replaced"]


@pytest.mark.parametrize("way", WAYS)
def test_whoGoesForGoodLosesNothing(peers: list[socket.socket], way: str) -> None:
    """
    What lies in a socket that has lost its worker another one gets; and its peers are
    served by those that are left.
    """
    primary = Primary(keep=way != "dies")
    one, two = primary.newWorker(), primary.newWorker()
    listener = primary.join(one, SPEC)
    primary.join(two, SPEC)
    sendAll(peers, listener)
    if way == "leaves":
        primary.table.leave(one, listener.number)
    else:
        primary.table.forget(one)
    if way == "is not replaced":
        primary.table.closeUnused()
    inherited = relayedTo(primary, two)
    assert 0 < len(inherited) < PEERS
    found = [*inherited, *received(socketOf(listener, 2))]
    sent = [(b"x", ("127.0.0.1", peer.getsockname()[1])) for peer in peers]
    assert sorted(found) == sorted(sent)
    sendAll(peers, listener)
    assert len(list(received(socketOf(listener, 2)))) == PEERS
    primary.close()


def relayedTo(primary: Primary, worker: Hand) -> list[Datagram]:
    """
    What a worker finds that was in others' sockets.
    """
    # More than are read at a time.
    for _ in range(3):
        primary.door.look()
        for reader in primary.reactor.getReaders():
            reader.doRead()
    found: list[Datagram] = []
    for handed in taken(worker):
        assert handed.flags & RELAYED
        with open(handed.fd, "rb"):
            found += relayed(handed.fd)
    return found


@pytest.mark.parametrize("way", WAYS)
def test_withoutAReserveASocketIsHandedOver(peers: list[socket.socket], way: str) -> None:
    """
    Where there are no sockets to spare one that has lost its worker is given to another,
    to be emptied and closed; then its peers are served by those that are left.
    """
    primary = Primary(keep=way != "dies", dispatching=Dispatching(places=1 << 20))
    one, two = primary.newWorker(), primary.newWorker()
    listener = primary.join(one, SPEC)
    primary.join(two, SPEC)
    sendAll(peers, listener)
    if way == "leaves":
        primary.table.leave(one, listener.number)
    else:
        primary.table.forget(one)
    if way == "is not replaced":
        assert taken(two) == []
        primary.table.closeUnused()
    [handed] = taken(two)
    with socket.socket(fileno=handed.fd) as left:
        inherited = len(list(received(left)))
    assert inherited > 0
    assert inherited + len(list(received(socketOf(listener, 2)))) == PEERS
    sendAll(peers, listener)
    assert len(list(received(socketOf(listener, 2)))) == PEERS
    primary.close()


def test_lastOneOutClosesThePort(primary: Primary) -> None:
    """
    With its last worker the whole group goes.
    """
    one, two = primary.newWorker(), primary.newWorker()
    listener = primary.join(one, SPEC)
    primary.join(two, SPEC)
    primary.table.leave(one, listener.number)
    for handed in taken(two):
        os.close(handed.fd)
    primary.table.leave(two, listener.number)
    with socket.socket(type=socket.SOCK_DGRAM) as again:
        again.bind(listener.name)


def test_withoutGroupsAllShareOneSocket(
    primary: Primary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Where the platform has no such groups there is one socket for all.
    """
    monkeypatch.setattr(sys, "platform", "freebsd14")
    one, two = primary.newWorker(), primary.newWorker()
    listener = primary.join(one, SPEC)
    primary.join(two, SPEC)
    assert listener.mode == SHARED
    assert listener.descriptorFor(one) == listener.descriptorFor(two)


def test_portOfTheClusterItselfLosesNothing(
    primary: Primary, peers: list[socket.socket]
) -> None:
    """
    With no worker left its last socket stays, for the next one.
    """
    one, two = primary.newWorker(), primary.newWorker()
    listener = primary.table.hold(SPEC)
    assert primary.join(one, SPEC) is listener
    primary.table.leave(one, listener.number)
    sendAll(peers, listener)
    primary.join(two, SPEC)
    assert len(list(received(socketOf(listener, 2)))) == PEERS


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6")
def test_everySocketOfAGroupIsForIPv6Only(primary: Primary) -> None:
    """
    The port of that number is free for IPv4.
    """
    spec = ListenSpec(UDP, "::", 0, ipv6Only=True)
    listener = primary.join(primary.newWorker(), spec)
    primary.join(primary.newWorker(), spec)
    with socket.socket(type=socket.SOCK_DGRAM) as four:
        four.bind(("", portOf(listener)))


# One slot, several workers


@pytest.fixture
def group() -> Iterator[DatagramGroup]:
    """
    A group on a port of its own.
    """
    first = socket.socket(type=socket.SOCK_DGRAM)
    first.bind(("127.0.0.1", 0))
    made = DatagramGroup(first)
    yield made
    made.close()


def test_workersOfASlotShareItsSocket(group: DatagramGroup) -> None:
    """
    One is there, others are leaving; the socket goes with the last of them.
    """
    kept = group.socketOf(1, 10)
    ours = group.socketOf(2, 11)
    assert group.socketOf(2, 12) is ours is not kept
    assert group.remove(2, 11) is None
    assert group.remove(2, 11) is None
    assert group.members == {1: kept, 2: ours}
    fd = ours.fileno()
    assert group.remove(2, 12) == fd
    assert group.members == {1: kept}
    os.close(fd)


def test_aSlotsSocketOutlivesItsWorkers(group: DatagramGroup) -> None:
    """
    Who takes the place has the same one, and the dead do not hold it.
    """
    group.socketOf(1, 10)
    ours = group.socketOf(2, 11)
    assert group.unused == []
    group.forget(2, 11)
    assert group.unused == [2]
    assert group.socketOf(2, 12) is ours
    assert group.unused == []
    fd = group.remove(2, 12)
    assert fd is not None
    os.close(fd)


def test_whatNobodyComesBackForIsLetGo(group: DatagramGroup) -> None:
    """
    But not while anybody has it, and not the last one.
    """
    kept, ours = group.socketOf(1, 10), group.socketOf(2, 11)
    assert group.remove(2) is None
    group.forget(2, 11)
    fd = group.remove(2)
    assert fd is not None
    os.close(fd)
    assert ours.fileno() == -1
    assert group.remove(2) is group.remove(3, 12) is None
    group.forget(1, 10)
    assert group.remove(1) is None
    assert group.socketOf(7, 13) is kept


def test_whatCannotBeMadeChangesNothing(group: DatagramGroup) -> None:
    """
    Who could not be given a socket does not hold one.
    """
    kept = group.socketOf(1, 10)
    stranger = socket.socket(type=socket.SOCK_DGRAM)
    port = kept.getsockname()[1]
    kept.close()
    with stranger:
        stranger.bind(("127.0.0.1", port))
        with pytest.raises(OSError, match="in use"):
            group.socketOf(2, 11)
    assert list(group.members) == [1]
    assert group.remove(2, 11) is None
