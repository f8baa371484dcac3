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
from twisted_cluster.primary.ports.listener import Listener

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


@pytest.mark.parametrize("way", ["leaves", "dies", "is not replaced"])
def test_whoGoesForGoodLosesNothing(peers: list[socket.socket], way: str) -> None:
    """
    A socket that has lost its worker is given to another, to be emptied and closed;
    then its peers are served by those that are left.
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
