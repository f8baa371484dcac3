"""
Programs that count, in extended BPF: in a machine of our own, with anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random

from hypothesis import given, settings
from hypothesis.strategies import (
    binary,
    dictionaries,
    integers,
    lists,
    sampled_from,
)

from twisted_cluster.steering.board import CELLS, TICKET, Board
from twisted_cluster.steering.counting import (
    betterOfTwo,
    byChance,
    inTurn,
    leastLoaded,
)
from twisted_cluster.steering.extended import Program
from twisted_cluster.steering.hashing import ofAddress, ofPeer
from twisted_cluster.steering.places import MOST
from twisted_cluster.testing.extended_machine import ExtendedMachine

EVERY: tuple[Callable[[], Program], ...] = (
    inTurn,
    byChance,
    betterOfTwo,
    leastLoaded,
    ofAddress,
)
LOYAL: tuple[Callable[[], Program], ...] = (*EVERY, lambda: ofPeer(60))
SYN = bytes(13) + b"\x02" + bytes(6)
ACK = bytes(13) + b"\x10" + bytes(6)
UDP = 17
someIndices = lists(integers(0, MOST - 1), min_size=1, max_size=40, unique=True)


def machineWith(turns: list[int], seed: int = 1) -> tuple[ExtendedMachine, Board]:
    """
    One where all of these may be chosen.
    """
    machine = ExtendedMachine(range(MOST), SYN, random=Random(seed))
    board = Board(machine.board)
    for index in range(MOST):
        board.setWeight(index, 1)
    board.setTurns(turns)
    return machine, board


def chosen(machine: ExtendedMachine, program: Program, times: int) -> Counter[int]:
    found: Counter[int] = Counter()
    for _ in range(times):
        index = machine.run(program)
        assert index is not None
        found[index] += 1
    return found


@settings(deadline=None)
@given(
    sampled_from(LOYAL),
    someIndices,
    binary(max_size=20),
    sampled_from([6, UDP]),
    dictionaries(integers(0, CELLS - 1), integers(0, 2**64 - 1), max_size=20),
    integers(),
)
def test_onlyWhoIsAllowedIsChosen(
    make: Callable[[], Program],
    allowed: list[int],
    packet: bytes,
    protocol: int,
    before: dict[int, int],
    seed: int,
) -> None:
    """
    Whoever may be chosen, whatever comes, and whatever the board had before, what is
    chosen may be.
    """
    machine = ExtendedMachine(range(MOST), packet, protocol=protocol, random=Random(seed))
    for cell, value in before.items():
        machine.board[cell] = value
    Board(machine.board).setTurns(allowed)
    assert machine.run(make()) in allowed


@settings(deadline=None)
@given(sampled_from(LOYAL), integers())
def test_anyBoardHasAnEnd(make: Callable[[], Program], seed: int) -> None:
    """
    Whatever is on the board, a program ends, and reaches for nothing else.
    """
    machine = ExtendedMachine(range(MOST), SYN)
    machine.board.cast("B")[:] = Random(seed).randbytes(8 * CELLS)
    assert machine.run(make()) in range(MOST)


@settings(deadline=None)
@given(someIndices, integers(0, 100))
def test_eachInTurn(allowed: list[int], ticket: int) -> None:
    """
    In any number of choices one after the other nobody has two more than another.
    """
    machine, _ = machineWith(allowed)
    machine.board[TICKET] = ticket
    rounds = [machine.run(inTurn()) for _ in range(2 * len(allowed))]
    assert sorted(map(str, rounds[: len(allowed)])) == sorted(map(str, allowed))
    assert rounds[: len(allowed)] == rounds[len(allowed) :]


def test_otherPacketsAreNotCounted() -> None:
    """
    What begins no connection is somebody's, but takes nobody's turn, and counts for
    nobody; a datagram does.
    """
    for make in (inTurn, leastLoaded):
        machine, board = machineWith([3, 4])
        for packet in (ACK, SYN[:13] + b"\x12", b""):
            machine.transport = packet
            assert chosen(machine, make(), 4) == {3: 4}
        assert board.chosen(3) == 0
        machine.protocol = UDP
        assert chosen(machine, make(), 4) == {3: 2, 4: 2}
        assert board.chosen(3) == 2


@settings(deadline=None)
@given(lists(integers(0, 20), min_size=2, max_size=6))
def test_theLeastLoadedIsChosen(loads: list[int]) -> None:
    """
    Somebody with least to do is chosen, what was given since it was said included: so
    that in the end nobody has two more than another whom that gave something.
    """
    turns = list(range(len(loads)))
    machine, board = machineWith(turns)
    for index, load in enumerate(loads):
        board.setLoad(index, load, 0)
    now = dict(enumerate(loads))
    program = leastLoaded()
    for _ in range(12):
        index = machine.run(program)
        assert index is not None
        assert now[index] == min(now.values())
        now[index] += 1


def test_whatIsClosedIsKnown() -> None:
    """
    Workers may say at once what they have closed; one that says too much has nothing to
    do, and others are not less.
    """
    machine, board = machineWith([0, 1, 2])
    for index, load in enumerate((5, 5, 3)):
        board.setLoad(index, load, 0, closed=10)
    machine.closed = {0: 14, 1: 10, 2: 10}
    for make in (leastLoaded, betterOfTwo):
        board.setTurns([0, 1])
        assert chosen(machine, make(), 1) == {0: 1}
    assert board.load(0, 14) == 3
    board.setTurns([0, 1, 2])
    machine.closed[0] = 2**64 - 1
    machine.closed[2] = 2**63
    assert set(chosen(machine, leastLoaded(), 20)) <= {0, 1, 2}


def test_ofEqualsTheNextIsChosen() -> None:
    """
    Where all have the same each is chosen in its turn, also when each is done at once.
    """
    machine, board = machineWith([5, 6, 9])
    found = []
    for _ in range(6):
        found.append(machine.run(leastLoaded()))
        for index in (5, 6, 9):
            board.setLoad(index, 0, board.chosen(index))
    assert found == [5, 6, 9, 5, 6, 9]


def test_whoWeighsMoreHasMore() -> None:
    """
    Load is measured by weight.
    """
    machine, board = machineWith([0, 1])
    board.setWeight(0, 3)
    assert chosen(machine, leastLoaded(), 80) == {0: 60, 1: 20}


def test_theBetterOfTwoIsChosen() -> None:
    """
    Who has most to do is chosen only if it is alone; two are always different ones.
    """
    machine, board = machineWith([0, 1, 2])
    board.setLoad(1, 1000, 0)
    found = chosen(machine, betterOfTwo(), 300)
    assert set(found) == {0, 2}
    assert abs(found[0] - found[2]) <= 30
    board.setTurns([1])
    assert chosen(machine, betterOfTwo(), 3) == {1: 3}


def test_chanceIsFair() -> None:
    """
    Each turn has the same chance.
    """
    machine, _ = machineWith([1, 2, 4, 4])
    found = chosen(machine, byChance(), 2000)
    assert 430 < found[1] < 570
    assert 430 < found[2] < 570
    assert 930 < found[4] < 1070


@settings(deadline=None)
@given(sampled_from(LOYAL), integers())
def test_whatIsBrokenIsPassed(make: Callable[[], Program], seed: int) -> None:
    """
    A socket that has left the group is not chosen: another is, or nobody.
    """
    machine, board = machineWith([1, 2, 3], seed)
    machine.open = [2]
    program = make()
    found = {machine.run(program) for _ in range(5)}
    assert found <= {2, None}
    assert board.chosen(1) == board.chosen(3) == 0


def test_aListIsReplacedAtOnce() -> None:
    """
    Who may not be chosen any more is not, from the next packet on.
    """
    machine, board = machineWith(list(range(20)))
    for turns in ([1, 2], [7], [8, 9, 10], list(range(100, 200))):
        board.setTurns(turns)
        for make in EVERY:
            assert set(chosen(machine, make(), 20)) <= set(turns)
