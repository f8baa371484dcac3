"""
Programs that count, in extended BPF: they choose from the list on the board.
"""

from __future__ import annotations

from twisted_cluster.steering.board import (
    CELL,
    TICKET,
    WEIGHTS,
)
from twisted_cluster.steering.extended import (
    R0,
    R1,
    R2,
    R3,
    R4,
    R8,
    R9,
    R10,
    Helper,
    Program,
    add,
    address,
    call,
    fetchAdd,
    jeq,
    jge,
    jgt,
    jump,
    load,
    mod,
    mov,
    mul,
    store,
)
from twisted_cluster.steering.parts import (
    AT,
    BEST,
    BEST_AT,
    COUNT,
    START,
    TURN,
    begin,
    cellOf,
    finish,
    loadOf,
    slotAt,
    turnOf,
    until,
)


def inTurn() -> Program:
    """
    One after the other, exactly, on whatever CPUs they come in: as the list goes, in
    which those may be several times who are to have more.
    """
    return [
        *begin(),
        address(R1, TICKET * CELL),
        mov(R2, R8),
        fetchAdd(R1, 0, R2),
        *turnOf(R2),
        *finish(),
    ]


def byChance() -> Program:
    """
    Each turn of the list with the same chance.
    """
    return [*begin(), call(Helper.RANDOM), *turnOf(R0), *finish()]


def betterOfTwo() -> Program:
    """
    Of two different ones by chance, the one that has less to do.
    """
    return [
        *begin(),
        call(Helper.RANDOM),
        load(R3, R10, COUNT),
        mod(R0, R3),
        store(R10, BEST_AT, R0),
        call(Helper.RANDOM),
        load(R1, R10, BEST_AT),
        mov(R2, R1),
        *slotAt(R2, R9),
        load(R3, R10, COUNT),
        jeq(R3, 1, "best"),
        add(R3, -1),
        mod(R0, R3),
        jgt(R1, R0, "other"),
        add(R0, 1),
        "other",
        *(*slotAt(R0, R0), store(R10, AT, R0)),
        *(*loadOf(R9, "one"), store(R10, BEST, R1)),
        *(load(R2, R10, AT), *loadOf(R2, "two"), load(R3, R10, BEST)),
        jge(R1, R3, "best"),
        mov(R9, R2),
        "best",
        *finish(),
    ]


def leastLoaded() -> Program:
    """
    Who would have least to do for its weight with one more; of equals, the one that comes
    first after the last one chosen.
    """
    return [
        *begin(),
        *(mov(R1, 0), store(R10, BEST, R1)),
        *(address(R1, TICKET * CELL), load(R1, R1), load(R2, R10, COUNT), mod(R1, R2)),
        *(store(R10, START, R1), store(R10, BEST_AT, R1)),
        *(mov(R2, R1), *slotAt(R2, R9)),
        *(mov(R0, 0), store(R10, TURN, R0)),
        "next",
        *(load(R0, R10, TURN), *until(R0, "looked")),
        *(load(R1, R10, START), add(R1, R0), mod(R1, R3), store(R10, AT, R1)),
        *(add(R0, 1), store(R10, TURN, R0)),
        *(*slotAt(R1, R2), *loadOf(R2, "some")),
        add(R1, 1),
        *(*cellOf(WEIGHTS, R2, R3), load(R3, R3)),
        # This one's load by the best one's weight, against the reverse.
        *(load(R4, R10, BEST), jeq(R4, 0, "better")),
        mul(R4, R3),
        *(*cellOf(WEIGHTS, R9, R3), load(R3, R3), mul(R3, R1)),
        jge(R3, R4, "next"),
        "better",
        *(mov(R9, R2), store(R10, BEST, R1)),
        *(load(R1, R10, AT), store(R10, BEST_AT, R1)),
        jump("next"),
        "looked",
        *(jeq(R8, 0, "settled"), load(R1, R10, BEST_AT), add(R1, 1)),
        *(address(R2, TICKET * CELL), store(R2, 0, R1)),
        "settled",
        *finish(),
    ]
