"""
Programs that count, in extended BPF: they choose from the list on the board.

Each begins with what all need in registers that are kept: C{R6}, what is known of the
packet; C{R7}, the list; C{R8}, 1 if somebody new comes, and 0 for any other packet that
no connection is known for; and the list's length in memory. What it has chosen is in
C{R9} when it ends.
"""

from __future__ import annotations

from sys import byteorder

from twisted_cluster.steering.board import (
    CELL,
    CHOSEN,
    LISTS,
    OFFSETS,
    TICKET,
    TURNS,
    WEIGHTS,
    WHICH,
)
from twisted_cluster.steering.extended import (
    BYTE,
    DOUBLE,
    R0,
    R1,
    R2,
    R3,
    R4,
    R5,
    R6,
    R7,
    R8,
    R9,
    R10,
    WORD,
    Helper,
    Program,
    Register,
    add,
    addAt,
    address,
    and_,
    call,
    constant,
    end,
    fetchAdd,
    jeq,
    jge,
    jgt,
    jne,
    jsge,
    jump,
    load,
    lsh,
    mod,
    mov,
    mul,
    rsh,
    sockets,
    store,
    xor,
)
from twisted_cluster.steering.places import MOST

# Where in memory things are kept.
COUNT, AT, BEST, BEST_AT, KEY, START, LEFT = -8, -16, -24, -32, -36, -48, -56
ADDRESS = -72
# How often another socket is tried.
TRIES = 8
# struct sk_reuseport_md.
DATA, DATA_END, PROTOCOL = 0, 8, 24
TCP = 6
FLAGS = 13
SYN, SYN_OR_ACK = 0x02, 0x12
PASS = 1
# Where headers have who sends, and how to ask for that.
SOURCE4, SOURCE6 = 12, 8
FROM_NETWORK = 1
# As L{twisted_cluster.policies.rendezvous} has them.
GOLDEN, FIRST, SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def _slotAt(turn: Register, to: Register) -> Program:
    """
    Take what is in the list to a register.

    @param turn: Where; lost.
    """
    return [
        and_(turn, TURNS - 1),
        lsh(turn, 3),
        add(turn, R7),
        load(to, turn),
        and_(to, MOST - 1),
    ]


def _cellOf(array: int, index: Register, to: Register) -> Program:
    """
    Take the address of a socket's number on the board.
    """
    scratch = R5
    return [
        mov(scratch, index),
        lsh(scratch, 3),
        address(to, array * CELL),
        add(to, scratch),
    ]


def _loadOf(index: Register, to: Register, label: str) -> Program:
    """
    Take what a socket has to do; nothing less than nothing.

    @param label: A name of its own.
    """
    return [
        *_cellOf(OFFSETS, index, R4),
        load(to, R4),
        *_cellOf(CHOSEN, index, R4),
        load(R4, R4),
        add(to, R4),
        jsge(to, 0, label),
        mov(to, 0),
        label,
    ]


def _begin() -> Program:
    return [mov(R6, R1), *_isNew(), *_list()]


def _isNew() -> Program:
    """
    Of TCP only a SYN that begins a connection is somebody new. Others, such as what ends
    a handshake that the kernel has kept no memory of, have to be given to somebody as
    well, but are not counted.
    """
    return [
        mov(R8, 1),
        load(R2, R6, PROTOCOL, WORD),
        jne(R2, TCP, "told"),
        mov(R8, 0),
        load(R2, R6, DATA),
        load(R3, R6, DATA_END),
        mov(R4, R2),
        add(R4, FLAGS + 1),
        jgt(R4, R3, "told"),
        load(R2, R2, FLAGS, BYTE),
        and_(R2, SYN_OR_ACK),
        jne(R2, SYN, "told"),
        mov(R8, 1),
        "told",
    ]


def _list() -> Program:
    return [
        address(R1, WHICH * CELL),
        load(R2, R1),
        mov(R3, R2),
        and_(R3, 2 * TURNS - 1),
        store(R10, COUNT, R3),
        rsh(R2, 32),
        and_(R2, 1),
        mul(R2, TURNS * CELL),
        address(R7, LISTS * CELL),
        add(R7, R2),
    ]


def _select(failed: str) -> Program:
    """
    Have the kernel take the socket of C{R9}.

    @param failed: Where to go if there is none.
    """
    return [
        store(R10, KEY, R9, WORD),
        mov(R1, R6),
        sockets(R2),
        mov(R3, R10),
        add(R3, KEY),
        mov(R4, 0),
        call(Helper.SELECT),
        jne(R0, 0, failed),
    ]


def _finish() -> Program:
    """
    Take who was chosen, and count that. If its socket is broken, as a worker that has it
    may have made it, take another of the list by chance; and at last leave it to the
    kernel's hash, for the primary knows soon, and changes the list.
    """
    return [
        *(mov(R1, TRIES), store(R10, LEFT, R1)),
        *("select", *_select("broken")),
        *(*_cellOf(CHOSEN, R9, R4), addAt(R4, 0, R8)),
        *("end", mov(R0, PASS), end()),
        "broken",
        *(load(R1, R10, LEFT), jeq(R1, 0, "end"), add(R1, -1), store(R10, LEFT, R1)),
        *(call(Helper.RANDOM), *_turnOf(R0), jump("select")),
    ]


def _until(turn: Register, label: str) -> Program:
    """
    Go on somewhere else when all of the list has been looked at.
    """
    return [
        load(R3, R10, COUNT),
        # As it is; but the kernel, which follows each way through a program, then takes
        # all that follow the loop for one, and so a quarter of the time.
        and_(R3, 2 * TURNS - 1),
        jge(turn, R3, label),
        jge(turn, MOST, label),
    ]


def _turnOf(number: Register) -> Program:
    """
    Choose whose turn it is.

    @param number: Lost.
    """
    return [load(R3, R10, COUNT), mod(number, R3), *_slotAt(number, R9)]


def inTurn() -> Program:
    """
    One after the other, exactly, on whatever CPUs they come in: as the list goes, in
    which those may be several times who are to have more.
    """
    return [
        *_begin(),
        address(R1, TICKET * CELL),
        mov(R2, R8),
        fetchAdd(R1, 0, R2),
        *_turnOf(R2),
        *_finish(),
    ]


def byChance() -> Program:
    """
    Each turn of the list with the same chance.
    """
    return [*_begin(), call(Helper.RANDOM), *_turnOf(R0), *_finish()]


def betterOfTwo() -> Program:
    """
    Of two different ones by chance, the one that has less to do.
    """
    return [
        *_begin(),
        call(Helper.RANDOM),
        load(R3, R10, COUNT),
        mod(R0, R3),
        store(R10, BEST_AT, R0),
        call(Helper.RANDOM),
        load(R1, R10, BEST_AT),
        mov(R2, R1),
        *_slotAt(R2, R9),
        load(R3, R10, COUNT),
        jeq(R3, 1, "best"),
        add(R3, -1),
        mod(R0, R3),
        jgt(R1, R0, "other"),
        add(R0, 1),
        "other",
        *_slotAt(R0, R0),
        *_loadOf(R9, R1, "one"),
        *_loadOf(R0, R2, "two"),
        jge(R2, R1, "best"),
        mov(R9, R0),
        "best",
        *_finish(),
    ]


def leastLoaded() -> Program:
    """
    Who would have least to do for its weight with one more; of equals, the one that comes
    first after the last one chosen.
    """
    return [
        *_begin(),
        *(mov(R1, 0), store(R10, BEST, R1)),
        *(address(R1, TICKET * CELL), load(R1, R1), load(R2, R10, COUNT), mod(R1, R2)),
        *(store(R10, START, R1), store(R10, BEST_AT, R1)),
        *(mov(R2, R1), *_slotAt(R2, R9)),
        mov(R0, 0),
        "next",
        *_until(R0, "looked"),
        *(load(R1, R10, START), add(R1, R0), mod(R1, R3), store(R10, AT, R1)),
        add(R0, 1),
        *_slotAt(R1, R2),
        *(_loadOf(R2, R1, "some")),
        add(R1, 1),
        *(*_cellOf(WEIGHTS, R2, R3), load(R3, R3)),
        # This one's load by the best one's weight, against the reverse.
        *(load(R4, R10, BEST), jeq(R4, 0, "better")),
        mul(R4, R3),
        *(*_cellOf(WEIGHTS, R9, R3), load(R3, R3), mul(R3, R1)),
        jge(R3, R4, "next"),
        "better",
        *(mov(R9, R2), store(R10, BEST, R1)),
        *(load(R1, R10, AT), store(R10, BEST_AT, R1)),
        jump("next"),
        "looked",
        *(jeq(R8, 0, "settled"), load(R1, R10, BEST_AT), add(R1, 1)),
        *(address(R2, TICKET * CELL), store(R2, 0, R1)),
        "settled",
        *_finish(),
    ]


def ofAddress(prefix4: int = 32, prefix6: int = 64) -> Program:
    """
    The same address, the same socket; when one may not be chosen any more its clients,
    and no others, go to the rest.

    @param prefix4: How many bits of an IPv4 address are the client's.
    @param prefix6: The same of IPv6.
    @see: L{twisted_cluster.policies.rendezvous}.
    """
    return [
        *_begin(),
        *(mov(R1, 0), store(R10, ADDRESS, R1), store(R10, ADDRESS + CELL, R1)),
        *_read(0, ADDRESS, 1),
        load(R1, R10, ADDRESS, BYTE),
        *(rsh(R1, 4), jeq(R1, 6, "6")),
        *(*_read(SOURCE4, ADDRESS, 4), *_masked(ADDRESS, WORD, prefix4, 32)),
        jump("read"),
        "6",
        *_read(SOURCE6, ADDRESS, 16),
        *_masked(ADDRESS, DOUBLE, min(prefix6, 64), 64),
        *_masked(ADDRESS + CELL, DOUBLE, max(prefix6 - 64, 0), 64),
        "read",
        *(load(R1, R10, ADDRESS), *_mix(R1)),
        *(load(R2, R10, ADDRESS + CELL), xor(R1, R2), *_mix(R1)),
        *(store(R10, ADDRESS, R1), mov(R1, 0), store(R10, BEST, R1)),
        *(mov(R9, 0), mov(R0, 0)),
        "next",
        *_until(R0, "looked"),
        *(mov(R3, R0), *_slotAt(R3, R2), add(R0, 1)),
        *(mov(R1, R2), add(R1, 1), constant(R4, GOLDEN), mul(R1, R4)),
        *(load(R4, R10, ADDRESS), xor(R1, R4), *_mix(R1)),
        *(load(R4, R10, BEST), jgt(R4, R1, "next")),
        *(store(R10, BEST, R1), mov(R9, R2), jump("next")),
        "looked",
        *_finish(),
    ]


def _read(start: int, to: int, size: int) -> Program:
    """
    Copy what is in the network's header to memory.
    """
    return [
        mov(R1, R6),
        mov(R2, start),
        mov(R3, R10),
        add(R3, to),
        mov(R4, size),
        mov(R5, FROM_NETWORK),
        call(Helper.LOAD_RELATIVE),
    ]


def _masked(at: int, size: int, bits: int, of: int) -> Program:
    """
    Keep the first bits of what is in memory, which has come big end first.
    """
    mask = int.from_bytes(
        ((1 << bits) - 1 << of - bits).to_bytes(of // 8, "big"), byteorder
    )
    return [
        load(R1, R10, at, size),
        constant(R2, mask),
        and_(R1, R2),
        store(R10, at, R1, size),
    ]


def _mix(one: Register) -> Program:
    """
    Have each bit depend on all of them: the finalizer of splitmix64.
    """
    return [
        *(mov(R5, one), rsh(R5, 30), xor(one, R5)),
        *(constant(R5, FIRST), mul(one, R5)),
        *(mov(R5, one), rsh(R5, 27), xor(one, R5)),
        *(constant(R5, SECOND), mul(one, R5)),
        *(mov(R5, one), rsh(R5, 31), xor(one, R5)),
    ]
