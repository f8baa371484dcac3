"""
UDP: sockets that are made in advance, among which a program chooses.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

import pytest

from tests.primary.ports.streams import mayLoad
from tests.primary.primary import Primary
from tests.steering.groups import ADDRESSES
from twisted_cluster.events import UDP, ListenSpec
from twisted_cluster.primary.ports import reserve
from twisted_cluster.primary.ports.datagrams import (
    IP_PKTINFO,
    IPV6_PKTINFO,
    DatagramReserve,
    _isForAll,
)
from twisted_cluster.primary.ports.groups import DatagramGroup
from twisted_cluster.primary.ports.steered_classic import ClassicSteering
from twisted_cluster.primary.ports.steered_extended import ExtendedSteering
from twisted_cluster.steering.classic import assemble, ret
from twisted_cluster.wire.reuseport import attachClassic, detach

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux has such groups")
PEERS, PLACES = 40, 6
# As linux/in.h has it.
IP_RECVERR = 11
REUSED = socket.SOL_SOCKET, socket.SO_REUSEPORT
extended = pytest.param(
    ExtendedSteering, marks=pytest.mark.skipif(not mayLoad(), reason="needs CAP_BPF")
)
KINDS = pytest.mark.parametrize("kind", [ClassicSteering, extended])
FOUR, SIX = (ADDRESSES[one] for one in (socket.AF_INET, socket.AF_INET6))
PORTS = pytest.mark.parametrize("address", [FOUR, SIX, "0.0.0.0", "::"])
Make = Callable[[str, type], "tuple[DatagramReserve, list[socket.socket]]"]


def familyOf(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """
    Makes a group on a port of its own, and clients of that.
    """
    with ExitStack() as stack:

        def made(address: str, kind: type) -> tuple[DatagramReserve, list[socket.socket]]:
            monkeypatch.setattr(reserve, "steer", kind)
            first = stack.enter_context(bound(address))
            group = DatagramReserve(first, PLACES)
            stack.callback(group.close)
            to = FOUR if familyOf(address) == socket.AF_INET else SIX
            peers = [stack.enter_context(bound(to)) for _ in range(PEERS)]
            for peer in peers:
                peer.connect((to, first.getsockname()[1]))
            return group, peers

        yield made


def bound(address: str, port: int = 0, reused: int = 0) -> socket.socket:
    made = socket.socket(familyOf(address), socket.SOCK_DGRAM)
    made.setsockopt(*REUSED, reused)
    try:
        made.bind((address, port))
    except BaseException:
        made.close()
        raise
    made.setblocking(False)
    return made


def send(peers: list[socket.socket]) -> None:
    for peer in peers:
        peer.send(b"x")


def taken(member: socket.socket) -> set[int]:
    """
    The ports of those whose datagrams are there.
    """
    found = set()
    with suppress(BlockingIOError):
        while True:
            found.add(member.recvfrom(10)[1][1])
    return found


def portsOf(peers: list[socket.socket]) -> set[int]:
    return {peer.getsockname()[1] for peer in peers}


@KINDS
@PORTS
def test_peersAreThoseOfWhoIsThere(make: Make, kind: type, address: str) -> None:
    """
    All go to those who are chosen; to the others' sockets comes nothing.
    """
    group, peers = make(address, kind)
    one, two, three = (group.socketOf(number, number) for number in (1, 2, 3))
    group.serve({1: 1, 2: 1})
    send(peers)
    first = [taken(one), taken(two)]
    assert first[0] | first[1] == portsOf(peers)
    assert not first[0] & first[1]
    assert group.waiting() == []
    assert taken(three) == set()
    send(peers)
    assert [taken(one), taken(two)] == first


@KINDS
def test_whoLeavesKeepsItsPeersIfThatIsKnown(make: Make, kind: type) -> None:
    """
    With an extended program; with a classic one those that can no longer be chosen have
    none. And who is gone has none whatever it is.
    """
    group, peers = make(FOUR, kind)
    one, two = (group.socketOf(number, number) for number in (1, 2))
    group.serve({1: 1, 2: 1})
    send(peers)
    first, second = taken(one), taken(two)
    group.serve({2: 1}, leaving=[1, 2])
    send(peers)
    assert taken(one) == (first if group.remembers else set())
    assert taken(two) == (second if group.remembers else portsOf(peers))
    group.forget(1, 1)
    group.serve({2: 1}, leaving=[2])
    send(peers)
    assert taken(two) == portsOf(peers)
    assert taken(one) == set()


@KINDS
def test_withNobodyThereTheyWaitForTheNext(make: Make, kind: type) -> None:
    """
    For the first worker, and for one that takes a dead one's place.
    """
    group, peers = make(FOUR, kind)
    send(peers)
    one = group.socketOf(1, 1)
    assert taken(one) == portsOf(peers)
    group.serve({1: 1})
    group.forget(1, 1)
    group.serve({})
    send(peers)
    assert group.waiting() == []
    assert group.socketOf(1, 2) is one
    assert taken(one) == portsOf(peers)


@KINDS
@PORTS
def test_noWorkerAttachesAProgram(make: Make, kind: type, address: str) -> None:
    """
    Not by a socket of the group.
    """
    group, _ = make(address, kind)
    with pytest.raises(PermissionError):
        attachClassic(group.socketOf(1, 1), assemble([ret(0)]))


def test_fewHaveAProgramThatIsLoaded() -> None:
    """
    Others have everybody's.
    """
    with bound(FOUR) as first:
        group = DatagramReserve(first, PLACES, mayRemember=False)
        assert (group.kind, group.remembers) == ("classic", False)
        group.close()


def test_noneWithoutAReserve() -> None:
    """
    Nor by one where the kernel's hash chooses.
    """
    with bound(FOUR) as first:
        group = DatagramGroup(first)
        for number in (1, 2):
            with pytest.raises(PermissionError):
                attachClassic(group.socketOf(number, number), assemble([ret(0)]))
        group.close()


@KINDS
@PORTS
def test_nobodyElseJoins(make: Make, kind: type, address: str) -> None:
    """
    No socket of this user's can be bound beside them, at whichever address.
    """
    group, _ = make(address, kind)
    port = group.socketOf(1, 1).getsockname()[1]
    others = {"0.0.0.0": [FOUR], "::": [SIX, FOUR, "0.0.0.0"]}
    for other in [address, *others.get(address, [])]:
        for reused in (0, 1):
            with pytest.raises(OSError, match="in use"):
                bound(other, port, reused)


@KINDS
@PORTS
def test_whatIsDetachedLosesNothing(make: Make, kind: type, address: str) -> None:
    """
    Whoever has a socket can detach the program; what the hash then gives to sockets that
    nobody reads is found there, and soon the program chooses again.
    """
    group, peers = make(address, kind)
    one = group.socketOf(1, 1)
    group.serve({1: 1})
    detach(one)
    send(peers)
    found = [datagram for member in group.waiting() for datagram in group.read(member)]
    assert found
    assert {name[1] for _, name in found} | taken(one) == portsOf(peers)
    group.attach()
    send(peers)
    assert taken(one) == portsOf(peers)


def test_whatIsForAllIsNotRelayed(make: Make) -> None:
    """
    Each worker has had a broadcast already.
    """
    group, _ = make("0.0.0.0", ClassicSteering)
    one = group.socketOf(1, 1)
    group.serve({1: 1})
    with bound("127.0.0.1") as sender:
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sender.sendto(b"x", ("127.255.255.255", one.getsockname()[1]))
    assert taken(one)
    waiting = group.waiting()
    assert waiting
    assert [group.read(member) for member in waiting] == [[]] * len(waiting)
    assert group.waiting() == []


@KINDS
@PORTS
def test_aBrokenOneIsTakenOut(make: Make, kind: type, address: str) -> None:
    """
    Its worker's successor has another socket, and peers go to those who are there,
    whatever the broken one's worker goes on to hold.
    """
    group, peers = make(address, kind)
    one, two = (group.socketOf(number, number) for number in (1, 2))
    with one.dup() as kept:
        with suppress(OSError):
            kept.shutdown(socket.SHUT_RDWR)
        assert group.look() == {1: {1}}
        group.serve({2: 1})
        send(peers)
        assert taken(two) == portsOf(peers)
        again = group.socketOf(1, 3)
        assert again is not one
        group.serve({2: 1, 3: 1})
        send(peers)
        assert taken(two) | taken(again) == portsOf(peers)
        assert group.waiting() == []


@KINDS
@PORTS
def test_oneMoreThanThereAre(make: Make, kind: type, address: str) -> None:
    """
    It is made, and chosen; and still nobody else joins.
    """
    group, peers = make(address, kind)
    members = [group.socketOf(number, number) for number in range(1, PLACES + 2)]
    assert len(set(members)) == PLACES + 1
    group.serve({PLACES + 1: 1})
    send(peers)
    assert taken(members[-1]) == portsOf(peers)
    with pytest.raises(OSError, match="in use"):
        bound(address, members[0].getsockname()[1], 1)


@KINDS
def test_anErrorIsNoEnd(make: Make, kind: type) -> None:
    """
    A socket that has heard of somebody who is not there is emptied later on as any other.
    """
    group, peers = make(FOUR, kind)
    one = group.socketOf(1, 1)
    one.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
    with bound(FOUR) as gone:
        nowhere = gone.getsockname()
    one.sendto(b"x", nowhere)
    assert group.waiting() == []
    group.serve({1: 1})
    send(peers)
    group.serve({})
    assert group.waiting() == [one]


@pytest.mark.parametrize("kind", [IP_PKTINFO, IPV6_PKTINFO])
@pytest.mark.parametrize("data", [b"", b"x"])
def test_whatTheSystemCutsOffSaysNothing(kind: int, data: bytes) -> None:
    """
    Who has the socket may have so much be told that not all of it is.
    """
    level = socket.IPPROTO_IP if kind == IP_PKTINFO else socket.IPPROTO_IPV6
    assert not _isForAll([(level, kind, data)])


@pytest.mark.parametrize("address", [FOUR, SIX])
def test_halfAReserveLeavesNothing(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Peers then have the sockets of a port that was never to have one.
    """
    monkeypatch.setattr(DatagramReserve, "serve", _fail)
    primary = Primary()
    listener = primary.join(primary.newWorker(), ListenSpec(UDP, address, 0))
    assert isinstance(listener.group, DatagramGroup)
    found = socket.socket(fileno=os.dup(listener.socket.fileno()))
    with found, bound(address) as peer:
        peer.sendto(b"x", listener.socket.getsockname())
        members = [found, *listener.group.members.values()]
        assert select.select(members, [], [], 5.0)[0]
    primary.close()


def _fail(group: DatagramReserve, chosen: object) -> None:
    raise OSError(errno.EMFILE, "no descriptor is free")
