"""
A policy's programs, run without a kernel.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random

from twisted_cluster.interfaces import IKernelPolicy
from twisted_cluster.steering import classic
from twisted_cluster.steering.board import TURNS, Board
from twisted_cluster.steering.places import MOST, Place
from twisted_cluster.testing.claims import claim
from twisted_cluster.testing.classic_machine import ClassicMachine
from twisted_cluster.testing.extended_machine import ExtendedMachine

SYN = bytes(13) + b"\x02" + bytes(6)
SOME_PLACES: Sequence[Sequence[Place]] = (
    [Place(0)],
    [Place(index, 1 + index % 3) for index in range(8)],
    [Place(3, 2), Place(40), Place(200, 0), Place(MOST - 2)],
    [Place(5, 0)],
)
TIMES = 20


def headerFrom(number: int) -> bytes:
    """
    The network's header of a packet, of IPv4 or IPv6, and what follows it.

    @param number: Of a client: each has another address.
    """
    if number % 2:
        return b"\x45" + bytes(11) + number.to_bytes(4, "big") + bytes(24)
    return b"\x60" + bytes(7) + number.to_bytes(8, "big") + bytes(48)


def chosenByClassic(
    policy: IKernelPolicy, places: Sequence[Place], times: int, seed: int = 1
) -> Counter[int] | None:
    """
    Who a classic program chooses for as many clients.

    @return: L{None}, if the policy has none; empty, if nobody may be chosen.
    """
    program = policy.classicProgram(places)
    if not program:
        return None if program is None else Counter()
    classic.assemble(program)
    machine, found = ClassicMachine(random=Random(seed)), Counter[int]()
    for number in range(times):
        machine.packet, machine.cpu = headerFrom(number), number
        found[machine.run(program)] += 1
    return found


def chosenByExtended(
    policy: IKernelPolicy, places: Sequence[Place], times: int, seed: int = 1
) -> Counter[int | None] | None:
    """
    The same of an extended one.
    """
    program = policy.extendedProgram()
    if program is None:
        return None
    turns = policy.turns(places)
    claim(len(turns) <= TURNS, f"{len(turns)} turns, not {TURNS}")
    machine = ExtendedMachine(range(MOST), SYN, random=Random(seed))
    board, found = Board(machine.board), Counter[int | None]()
    for place in places:
        board.setWeight(place.index, place.weight)
    if turns:
        board.setTurns(turns)
        for number in range(times):
            machine.network = headerFrom(number)
            found[machine.run(program)] += 1
    return found


def claimSteers(policy: IKernelPolicy, places: Sequence[Place]) -> None:
    """
    @raise AssertionError: If a program chooses anybody else.
    @raise ValueError: If it does what the kernel would not let it do.
    """
    allowed = {place.index for place in places}
    for choose in (chosenByClassic, chosenByExtended):
        found = choose(policy, places, TIMES)
        others = set(found or ()) - allowed
        claim(not others, f"{policy!r} chose {others} of {places}")
