"""
Datagrams, and whose they are.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress

import pytest

from tests.primary.ports.streams import mayLoad
from tests.steering.groups import ADDRESSES
from twisted_cluster.primary.ports.peers import Peers
from twisted_cluster.primary.ports.steered import Steering
from twisted_cluster.primary.ports.steered_classic import ClassicSteering
from twisted_cluster.primary.ports.steered_extended import ExtendedSteering
from twisted_cluster.steering.places import Place

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux has such programs"
)
COUNT = 4
PEERS = 40
extended = pytest.param(
    ExtendedSteering, marks=pytest.mark.skipif(not mayLoad(), reason="needs CAP_BPF")
)
FAMILIES = [socket.AF_INET, socket.AF_INET6]


@contextmanager
def group(family: int) -> Iterator[list[socket.socket]]:
    """
    Sockets that share a UDP port.
    """
    with ExitStack() as stack:
        sockets: list[socket.socket] = []
        for _ in range(COUNT + 1):
            one = stack.enter_context(socket.socket(family, socket.SOCK_DGRAM))
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            port = sockets[0].getsockname()[1] if sockets else 0
            one.bind((ADDRESSES[socket.AddressFamily(family)], port))
            one.setblocking(False)
            sockets.append(one)
        yield sockets


def owners(
    sockets: Sequence[socket.socket], peers: Sequence[socket.socket]
) -> dict[str, int]:
    """
    Whose each peer's datagrams are.
    """
    for peer in peers:
        peer.sendto(b"x", sockets[0].getsockname())
    found = {}
    for index, one in enumerate(sockets):
        with suppress(BlockingIOError):
            while True:
                found[str(one.recvfrom(10)[1][1])] = index
    assert len(found) == len(peers)
    return found


@contextmanager
def peers(family: int) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        yield [
            stack.enter_context(socket.socket(family, socket.SOCK_DGRAM))
            for _ in range(PEERS)
        ]


def fill(steering: Steering, members: Sequence[socket.socket]) -> None:
    for index, member in enumerate(members):
        steering.add(index, member)


def places(*numbers: int) -> list[Place]:
    return [Place(number) for number in numbers]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("kind", [ClassicSteering, extended])
def test_aPeerHasASocket(
    kind: type[ClassicSteering] | type[ExtendedSteering], family: int
) -> None:
    """
    All of a peer's datagrams go to one socket, and each socket has some peers; those
    whose socket may not be chosen any more, and no others, move if they must.
    """
    with group(family) as (anchor, *sockets), peers(family) as some:
        steering = kind(Peers(idle=0), anchor)
        fill(steering, sockets)
        steering.allow(places(*range(COUNT)))
        before = owners(sockets, some)
        assert owners(sockets, some) == before
        assert set(before.values()) == set(range(COUNT))
        steering.allow(places(0, 1, 3))
        after = owners(sockets, some)
        assert all(after[peer] == old for peer, old in before.items() if old != 2)
        assert 2 not in after.values()
        steering.close()


@pytest.mark.skipif(not mayLoad(), reason="needs CAP_BPF")
@pytest.mark.parametrize("family", FAMILIES)
def test_whoIsNotIdleStays(family: int) -> None:
    """
    Peers stay with those who leave, as long as these are there; new ones go to others;
    and so do all when nobody has the socket any more.
    """
    with ExitStack() as stack:
        anchor, *sockets = stack.enter_context(group(family))
        old, new = (stack.enter_context(peers(family)) for _ in range(2))
        steering = ExtendedSteering(Peers(idle=3600), anchor)
        fill(steering, sockets)
        steering.allow(places(0, 1))
        before = owners(sockets, old)
        steering.allow(places(2, 3), leaving=[0, 1])
        assert owners(sockets, old) == before
        assert set(owners(sockets, new).values()) == {2, 3}
        steering.allow(places(2, 3), leaving=[1])
        moved = owners(sockets, old)
        assert all(moved[peer] == 1 for peer, index in before.items() if index == 1)
        assert {moved[peer] for peer, index in before.items() if index == 0} == {2, 3}
        sockets[0].close()
        del sockets[0]
        after = owners(sockets, old)
        # One fewer is there, and so each has a number less.
        assert all(after[peer] == 0 for peer, index in before.items() if index == 1)
        assert {after[peer] for peer, index in before.items() if index == 0} == {1, 2}
        steering.close()
