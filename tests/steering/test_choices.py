"""
Programs in classic BPF: in a machine of our own with anything, in the kernel for real.
"""

from __future__ import annotations

import socket
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis.strategies import (
    binary,
    builds,
    integers,
    ip_addresses,
    lists,
    sampled_from,
)

from tests.steering.groups import headerOf, listening
from twisted_cluster.steering.choices import atRandom, byAddress, byCPU, byPeer, byWeight
from twisted_cluster.steering.classic import Program, assemble
from twisted_cluster.steering.places import MOST, Place
from twisted_cluster.testing.classic_machine import ClassicMachine
from twisted_cluster.wire.reuseport import attachClassic

Make = Callable[[Sequence[Place]], Program]
EVERY: tuple[Make, ...] = (atRandom, byWeight, byCPU, byAddress, byPeer)
somePlaces = lists(
    builds(Place, integers(0, MOST - 1), integers(1, 1000)),
    min_size=1,
    max_size=MOST,
    unique_by=lambda place: place.index,
)
onLinux = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux has such programs"
)


def chosenFor(program: Program, address: IPv4Address | IPv6Address | str) -> int:
    sender = ip_address(address)
    return ClassicMachine(headerOf(sender)).run(program)


def places(*numbers: int) -> list[Place]:
    return [Place(number) for number in numbers]


@settings(deadline=None)
@given(
    sampled_from(EVERY),
    somePlaces,
    binary(max_size=60),
    integers(0, 2**32 - 1),
    integers(),
)
def test_onlyWhoIsAllowedIsChosen(
    make: Make, allowed: list[Place], packet: bytes, cpu: int, seed: int
) -> None:
    """
    Whoever may be chosen, and whatever comes, what is chosen may be; but for a packet
    that is cut off, which no TCP or UDP has.
    """
    whole = packet.ljust(64, b"\0")
    machine = ClassicMachine(whole, cpu, Random(seed))
    program = make(allowed)
    assert machine.run(program) in {place.index for place in allowed}
    assert 0 < len(assemble(program))


def test_chanceIsFair() -> None:
    """
    Each has the same chance.
    """
    machine = ClassicMachine(random=Random(5))
    program = atRandom(places(0, 1, 3, 6))
    found = Counter(machine.run(program) for _ in range(4000))
    assert set(found) == {0, 1, 3, 6}
    assert all(900 < count < 1100 for count in found.values())


def test_weightsAreKept() -> None:
    """
    Who weighs more is chosen more often, who weighs nothing never.
    """
    machine = ClassicMachine(random=Random(5))
    program = byWeight([Place(2, 3), Place(0, 1), Place(1, 0)])
    found = Counter(machine.run(program) for _ in range(4000))
    assert set(found) == {0, 2}
    assert 2850 < found[2] < 3150
    assert byWeight([Place(0, 0)]) == []


@settings(deadline=None)
@given(
    lists(integers(0, MOST - 1), min_size=1, max_size=20, unique=True),
    integers(0, 4096),
)
def test_aCPUHasASocket(allowed: list[int], cpu: int) -> None:
    """
    CPUs one after the other have all the sockets, and a CPU always the same.
    """
    program = byCPU(places(*allowed))
    around = [ClassicMachine(cpu=cpu + turn).run(program) for turn in range(len(allowed))]
    assert sorted(around) == sorted(allowed)
    assert ClassicMachine(cpu=cpu).run(program) == around[0]


@settings(deadline=None)
@given(lists(integers(0, MOST - 1), min_size=2, max_size=40, unique=True), ip_addresses())
def test_whoseSocketGoesMovesAlone(
    allowed: list[int], address: IPv4Address | IPv6Address
) -> None:
    """
    A client whose socket may still be chosen stays with it; whoever else goes.
    """
    before = chosenFor(byAddress(places(*allowed)), address)
    for gone in allowed:
        rest = [index for index in allowed if index != gone]
        after = chosenFor(byAddress(places(*rest)), address)
        assert after == before or gone == before


def test_addressesAreSpread() -> None:
    """
    Neighbours go to all sockets, each of which has its share.
    """
    program = byAddress(places(*range(8)))
    for first in ("10.0.0.0", "2001:db8::"):
        network, step = ip_address(first), 1 if ":" not in first else 1 << 64
        found = Counter(
            chosenFor(program, network + step * number) for number in range(2000)
        )
        assert len(found) == 8
        assert all(190 < count < 310 for count in found.values())


@pytest.mark.parametrize(
    ("one", "other", "isSame"),
    [
        ("192.0.2.1", "192.0.2.200", True),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", True),
        ("192.0.2.1", "192.0.3.1", False),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
    ],
)
def test_whoSharesANetworkIsOneClient(one: str, other: str, isSame: bool) -> None:
    """
    Of an address only the prefix counts; and each bit of that.
    """
    program = byAddress(places(*range(MOST)), prefix4=24, prefix6=64)
    assert (chosenFor(program, one) == chosenFor(program, other)) is isSame


@onLinux
@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
@pytest.mark.parametrize("make", EVERY)
def test_whoIsExcludedGetsNothing(family: int, make: Make) -> None:
    """
    The kernel gives no connection to a socket that may not be chosen, and each to one
    that may.
    """
    with listening(4, family) as group:
        allowed = [Place(0), Place(2, 5), Place(3)]
        program = make(allowed)
        attachClassic(group.sockets[0], assemble(program))
        found = group.chosen(60)
        assert found.total() == 60
        assert set(found) <= {0, 2, 3}


def addresses(count: int) -> Sequence[str]:
    return [f"127.0.1.{number}" for number in range(1, count + 1)]


@onLinux
@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_theKernelReadsAddressesAsTheMachineDoes(family: int) -> None:
    """
    Who has come by IPv4 is one client to the kernel and to the machine, also where IPv6
    listens.
    """
    allowed = places(0, 1, 2, 3)
    anywhere = "" if family == socket.AF_INET else "::"
    with listening(4, family, anywhere) as group:
        attachClassic(group.sockets[0], assemble(byAddress(allowed)))
        group.address = ("127.0.0.1", group.address[1])
        for source in addresses(20):
            expected = chosenFor(byAddress(allowed), source)
            assert group.chosen(1, source) == Counter([expected])


@onLinux
def test_longestProgramsAreTaken() -> None:
    """
    The kernel takes a program for as many sockets as a group may have.
    """
    with listening(1) as group:
        for make in (atRandom, byWeight, byCPU):
            some = [Place(index, index + 1) for index in range(0, MOST, 2)]
            attachClassic(group.sockets[0], assemble(make(some)))
