"""
What extended programs are made of.

Each begins with what all need in registers that are kept: C{R6}, what is known of the
packet; C{R7}, the list on the board; C{R8}, 1 if somebody new comes, and 0 for any other
packet that no connection is known for; and the list's length in memory. What it has
chosen is in C{R9} when it finishes.
"""

from __future__ import annotations

from twisted_cluster.steering.board import (
    CELL,
    CHOSEN,
    LISTS,
    NOTHING,
    OFFSETS,
    TURNS,
    WHICH,
)
from twisted_cluster.steering.extended import (
    BYTE,
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
    arsh,
    call,
    closings,
    end,
    jeq,
    jge,
    jgt,
    jne,
    jump,
    load,
    lsh,
    mod,
    mov,
    mul,
    rsh,
    sockets,
    store,
    sub,
    xor,
)
from twisted_cluster.steering.places import MOST

# Where in memory things are kept.
COUNT, AT, BEST, BEST_AT, KEY, START, LEFT = -8, -16, -24, -32, -36, -48, -56
TURN, CLOSED, ZERO = -64, -72, -80
# How often another socket is tried.
TRIES = 8
# struct sk_reuseport_md.
DATA, DATA_END, PROTOCOL = 0, 8, 24
TCP = 6
FLAGS = 13
SYN, SYN_OR_ACK = 0x02, 0x12
PASS = 1


def slotAt(turn: Register, to: Register) -> Program:
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


def cellOf(array: int, index: Register, to: Register) -> Program:
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


def loadOf(index: Register, label: str) -> Program:
    """
    Take what a socket has to do to C{R1}, and the socket to C{R2}; nothing less than
    nothing.

    @param label: A name of its own.
    """
    return [
        *(store(R10, KEY, index, WORD), mov(R1, 0), store(R10, ZERO, R1)),
        # Nothing is there; but the kernel, which follows each way through a program, does
        # not know that, and so need not follow the one on which there was nothing to be
        # looked up.
        *(address(R1, NOTHING * CELL), load(R1, R1), store(R10, CLOSED, R1)),
        *(closings(R1), mov(R2, R10), add(R2, KEY), call(Helper.LOOK_UP)),
        jeq(R0, 0, f"{label}: none"),
        *(mov(R1, R0), mov(R2, R10), add(R2, ZERO), call(Helper.LOOK_UP)),
        jeq(R0, 0, f"{label}: none"),
        *(load(R1, R0), store(R10, CLOSED, R1)),
        f"{label}: none",
        *(load(R2, R10, KEY, WORD), and_(R2, MOST - 1)),
        *(*cellOf(OFFSETS, R2, R4), load(R1, R4)),
        *(*cellOf(CHOSEN, R2, R4), load(R4, R4), add(R1, R4)),
        *(load(R4, R10, CLOSED), sub(R1, R4)),
        # Nothing less than nothing, without two ways.
        *(mov(R4, R1), arsh(R4, 63), xor(R4, -1), and_(R1, R4)),
    ]


def begin() -> Program:
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


def select(failed: str) -> Program:
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


def finish() -> Program:
    """
    Take who was chosen, and count that. If its socket is broken, as a worker that has it
    may have made it, take another of the list by chance; and at last leave it to the
    kernel's hash, for the primary knows soon, and changes the list.
    """
    return [
        *(mov(R1, TRIES), store(R10, LEFT, R1)),
        *("select", *select("broken")),
        "chosen",
        *(*cellOf(CHOSEN, R9, R4), addAt(R4, 0, R8)),
        *("end", mov(R0, PASS), end()),
        "broken",
        *(load(R1, R10, LEFT), jeq(R1, 0, "end"), add(R1, -1), store(R10, LEFT, R1)),
        *(call(Helper.RANDOM), *turnOf(R0), jump("select")),
    ]


def until(turn: Register, label: str) -> Program:
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


def turnOf(number: Register) -> Program:
    """
    Choose whose turn it is.

    @param number: Lost.
    """
    return [load(R3, R10, COUNT), mod(number, R3), *slotAt(number, R9)]
