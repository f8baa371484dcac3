"""
Programs that hash, in extended BPF: they choose from the list on the board.
"""

from __future__ import annotations

from sys import byteorder

from twisted_cluster.steering.board import (
    CELL,
    WEIGHTS,
)
from twisted_cluster.steering.extended import (
    BYTE,
    DOUBLE,
    HALF,
    R0,
    R1,
    R2,
    R3,
    R4,
    R5,
    R6,
    R9,
    R10,
    WORD,
    Helper,
    Program,
    Register,
    add,
    and_,
    call,
    constant,
    jeq,
    jgt,
    jsgt,
    jump,
    load,
    mov,
    mul,
    peers,
    rsh,
    store,
    sub,
    xor,
)
from twisted_cluster.steering.parts import (
    BEST,
    DATA,
    DATA_END,
    begin,
    cellOf,
    finish,
    select,
    slotAt,
    until,
)
from twisted_cluster.steering.places import MOST

# Where headers have who sends, and how to ask for that.
SOURCE4, SOURCE6 = 12, 8
FROM_NETWORK = 1
# As L{twisted_cluster.policies.rendezvous} has them.
GOLDEN, FIRST, SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
# Where in memory an address is, with a port behind it; the hash, and what is remembered.
ADDRESS, PORT, HASH, REMEMBERED = -80, -64, -88, -104
# What is remembered of a peer: when it was heard last, in nanoseconds, and its socket.
HEARD, SOCKET = 0, 8
SECOND_OF = 1_000_000_000


def ofAddress(prefix4: int = 32, prefix6: int = 64) -> Program:
    """
    The same address, the same socket; when one may not be chosen any more its clients,
    and no others, go to the rest.

    @param prefix4: How many bits of an IPv4 address are the client's.
    @param prefix6: The same of IPv6.
    @see: L{twisted_cluster.policies.rendezvous}.
    """
    return [
        *(*begin(), *_address(prefix4, prefix6), *_hashed(ADDRESS, ADDRESS + CELL)),
        *(*_owner(), *finish()),
    ]


def ofPeer(idle: float) -> Program:
    """
    The same peer, the same socket, for as long as that is there, and has a weight,
    whoever may be chosen for others: until it has not been heard for a while. So who
    leaves can serve its peers to the end. New ones are hashed.

    It remembers some; of these the one that was not heard for longest is forgotten first.

    @param idle: For how long, in seconds.
    """
    return [
        *(*begin(), *_address(32, 128), *_port()),
        *(call(Helper.CLOCK), store(R10, REMEMBERED + HEARD, R0)),
        *_at(Helper.LOOK_UP),
        jeq(R0, 0, "new"),
        *(load(R1, R10, REMEMBERED + HEARD), mov(R2, R1), load(R3, R0, HEARD)),
        *(sub(R2, R3), constant(R3, int(idle * SECOND_OF)), jsgt(R2, R3, "new")),
        *(store(R0, HEARD, R1), load(R9, R0, SOCKET), and_(R9, MOST - 1)),
        *(*cellOf(WEIGHTS, R9, R4), load(R4, R4), jeq(R4, 0, "new")),
        *(*select("new"), jump("chosen")),
        "new",
        *(*_hashed(ADDRESS, ADDRESS + CELL, PORT), *_owner()),
        store(R10, REMEMBERED + SOCKET, R9),
        *_at(Helper.UPDATE),
        *finish(),
    ]


def _port() -> Program:
    """
    Take a peer's port to memory.
    """
    return [
        *(mov(R1, 0), store(R10, PORT, R1)),
        *(load(R2, R6, DATA), load(R3, R6, DATA_END)),
        *(mov(R4, R2), add(R4, 2), jgt(R4, R3, "port")),
        *(load(R1, R2, 0, HALF), store(R10, PORT, R1)),
        "port",
    ]


def _at(helper: Helper) -> Program:
    """
    Look up what is remembered of a peer, or remember something.
    """
    return [
        peers(R1),
        *(mov(R2, R10), add(R2, ADDRESS)),
        *(mov(R3, R10), add(R3, REMEMBERED)),
        mov(R4, 0),
        call(helper),
    ]


def _address(prefix4: int, prefix6: int) -> Program:
    """
    Take who sends to memory, as far as it counts.
    """
    return [
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
    ]


def _hashed(first: int, *others: int) -> Program:
    """
    Hash what is in memory.
    """
    return [
        *(load(R1, R10, first), *_mix(R1)),
        *(step for at in others for step in (load(R2, R10, at), xor(R1, R2), *_mix(R1))),
        store(R10, HASH, R1),
    ]


def _owner() -> Program:
    """
    Choose whose the hash is.
    """
    return [
        *(mov(R1, 0), store(R10, BEST, R1), mov(R9, 0), mov(R0, 0)),
        "next",
        *until(R0, "looked"),
        *(mov(R3, R0), *slotAt(R3, R2), add(R0, 1)),
        *(mov(R1, R2), add(R1, 1), constant(R4, GOLDEN), mul(R1, R4)),
        *(load(R4, R10, HASH), xor(R1, R4), *_mix(R1)),
        *(load(R4, R10, BEST), jgt(R4, R1, "next")),
        *(store(R10, BEST, R1), mov(R9, R2), jump("next")),
        "looked",
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
