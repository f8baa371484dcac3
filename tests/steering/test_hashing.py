"""
Programs that hash, in extended BPF: in a machine of our own.
"""

from __future__ import annotations

from collections import Counter
from ipaddress import IPv4Address, IPv6Address, ip_address

from hypothesis import given, settings
from hypothesis.strategies import integers, ip_addresses, lists

from tests.steering.groups import headerOf
from tests.steering.test_counting import UDP, machineWith, someIndices
from twisted_cluster.steering.hashing import ofAddress, ofPeer
from twisted_cluster.testing.extended_machine import ExtendedMachine

IDLE = 60
SECOND = 1_000_000_000
PEERS = ofPeer(IDLE)


@settings(deadline=None)
@given(someIndices, ip_addresses())
def test_whoseSocketGoesMovesAlone(
    allowed: list[int], address: IPv4Address | IPv6Address
) -> None:
    """
    A client whose socket may still be chosen stays with it; whoever else goes.
    """
    machine, board = machineWith(allowed)
    machine.network = headerOf(address)
    program = ofAddress()
    before = machine.run(program)
    for gone in allowed:
        rest = [index for index in allowed if index != gone]
        if rest:
            board.setTurns(rest)
            after = machine.run(program)
            assert after == before or gone == before


def test_addressesAreSpread() -> None:
    """
    Neighbours go to all sockets, each of which has its share; what differs only behind
    the prefix is one client.
    """
    machine, _ = machineWith(list(range(8)))
    for first, step in (("10.0.0.0", 1), ("10.0.0.0", 256), ("2001:db8::", 1 << 64)):
        isFew = step == 1
        program, found = ofAddress(prefix4=24 if isFew else 32), Counter[int | None]()
        for number in range(200 if isFew else 800):
            machine.network = headerOf(ip_address(first) + step * number)
            found[machine.run(program)] += 1
        assert len(found) == (1 if isFew else 8)
        assert isFew or all(65 < count < 140 for count in found.values())


def talk(machine: ExtendedMachine, peer: int, at: float) -> int | None:
    """
    Who hears a peer, at this time, in seconds.
    """
    machine.protocol, machine.clock = UDP, int(at * SECOND)
    machine.network = headerOf(ip_address("192.0.2.7"))
    machine.transport = peer.to_bytes(2, "big") + bytes(6)
    return machine.run(PEERS)


@settings(deadline=None)
@given(lists(integers(1, 65535), min_size=1, max_size=5, unique=True))
def test_whoIsNotIdleStays(peers: list[int]) -> None:
    """
    A peer stays with a socket that is there, whoever else may be chosen, until it has
    not been heard for a while.
    """
    machine, board = machineWith([1, 2, 3])
    before = {peer: talk(machine, peer, 100) for peer in peers}
    board.setTurns([4, 5])
    for at in (140, 199.9):
        assert {peer: talk(machine, peer, at) for peer in peers} == before
    # Another CPU's clock may be late.
    assert {peer: talk(machine, peer, 199.8) for peer in peers} == before
    after = {talk(machine, peer, 261) for peer in peers}
    assert after <= {4, 5}


def test_whoseSocketIsGoneMoves() -> None:
    """
    Who leaves leaves its peers, and nobody else's; they stay where they have come to.
    """
    machine, board = machineWith([1, 2, 3])
    before = {peer: talk(machine, peer, 100) for peer in range(1, 60)}
    machine.open = [1, 3, 4]
    board.setTurns([1, 3, 4])
    after = {peer: talk(machine, peer, 101) for peer in before}
    assert all(after[peer] == old for peer, old in before.items() if old != 2)
    assert {after[peer] for peer, old in before.items() if old == 2} == {1, 3, 4}
    board.setTurns([1, 2, 3, 4, 5])
    assert {peer: talk(machine, peer, 102) for peer in before} == after
