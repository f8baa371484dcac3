"""
Programs that choose without counting, in classic BPF.

Each takes the sockets that may be chosen, in whatever order, and never chooses another.
A new one is made whenever they change.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted_cluster.steering.classic import (
    CPU,
    NETWORK,
    RANDOM,
    A,
    Instruction,
    Program,
    X,
    add,
    and_,
    header,
    imm,
    jeq,
    jge,
    jgt,
    jump,
    keep,
    ld,
    ldb,
    ldh,
    mod,
    mul,
    or_,
    recall,
    ret,
    rsh,
    tax,
    xor,
)
from twisted_cluster.steering.places import Place, indices, weighed

# What a hash is multiplied with: murmur3's finalizer, and the golden ratio.
FIRST, SECOND, GOLDEN = 0x85EBCA6B, 0xC2B2AE35, 0x9E3779B9
# Where headers have versions and who sends.
VERSION, SOURCE4, SOURCE6 = NETWORK, NETWORK + 12, NETWORK + 8
LENGTH6 = 40
KEY, BEST = 0, 1
INDEX = 0xFF


def atRandom(places: Sequence[Place]) -> Program:
    """
    Each with the same chance.
    """
    return [ld(RANDOM), *_oneOf(indices(places))]


def byWeight(places: Sequence[Place]) -> Program:
    """
    By chance, each as often as its weight says.

    @return: Empty, if all weigh nothing.
    """
    shares = weighed(places)
    if not shares:
        return []
    program: list[Instruction | str] = [ld(RANDOM), mod(shares[-1][1])]
    for index, total in shares:
        program += [jge(total, yes=1), ret(index)]
    # The last one is never passed; but a program has to end.
    return [*program, ret(shares[-1][0])]


def byCPU(places: Sequence[Place]) -> Program:
    """
    Whose turn it is by the number of the CPU that the packet came in on, so that a
    connection stays on it where workers are pinned.
    """
    return [ld(CPU), *_oneOf(indices(places))]


def byAddress(places: Sequence[Place], prefix4: int = 32, prefix6: int = 64) -> Program:
    """
    The same address, the same socket; when one may not be chosen any more its clients,
    and no others, go to the rest.

    @param prefix4: How many bits of an IPv4 address are the client's.
    @param prefix6: The same of IPv6.
    @see: L{twisted_cluster.policies.rendezvous}.
    """
    return [*_source(prefix4, prefix6), *_owner(places)]


def _owner(places: Sequence[Place]) -> Program:
    """
    Choose whose A is.
    """
    program: list[Instruction | str] = [*_mixed(), keep(KEY), imm(0), keep(BEST)]
    for index in indices(places):
        program += [*_score(index), recall(BEST, X), jgt(X, no=1), keep(BEST)]
    return [*program, recall(BEST), and_(INDEX), ret(A)]


def byPeer(places: Sequence[Place]) -> Program:
    """
    The same address and port, the same socket, as L{byAddress}.
    """
    return [*_source(32, 128), *_port(), *_owner(places)]


def _port() -> Program:
    """
    Mix the sender's port into A.
    """
    return [
        *(*_mixed(), keep(KEY), ldb(VERSION), rsh(4), jeq(6, yes="port6")),
        *(header(NETWORK), ldh(NETWORK, X), jump("port")),
        *("port6", ldh(NETWORK + LENGTH6)),
        *("port", recall(KEY, X), xor(X)),
    ]


def _oneOf(allowed: Sequence[int]) -> Program:
    """
    The one whose turn A is, counted round: no more steps than there are gaps.
    """
    program: list[Instruction | str] = [mod(len(allowed))]
    for turn, index in enumerate(allowed):
        isLast = turn == len(allowed) - 1
        if isLast or allowed[turn + 1] != index + 1:
            if not isLast:
                program.append(jge(turn + 1, yes=2))
            program += [add(index - turn), ret(A)]
    return program


def _source(prefix4: int, prefix6: int) -> Program:
    """
    Take who sends to A, in 32 bits.
    """
    return [
        ldb(VERSION),
        rsh(4),
        jeq(6, yes="6"),
        ld(SOURCE4),
        and_(_mask(prefix4)),
        jump("hashed"),
        "6",
        imm(0),
        *(step for word in range(4) for step in _word(word, prefix6 - 32 * word)),
        "hashed",
    ]


def _mask(bits: int) -> int:
    return 0xFFFFFFFF << 32 - bits & 0xFFFFFFFF


def _word(word: int, bits: int) -> Program:
    """
    Mix a word of an address into A, as far as it counts.
    """
    if bits <= 0:
        return []
    return [
        *_mixed(),
        tax(),
        ld(SOURCE6 + 4 * word),
        and_(_mask(min(bits, 32))),
        xor(X),
        add(GOLDEN),
    ]


def _mixed() -> Program:
    """
    Have each bit of A depend on all of them.
    """
    return [
        *(tax(), rsh(16), xor(X), mul(FIRST)),
        *(tax(), rsh(13), xor(X), mul(SECOND)),
        *(tax(), rsh(16), xor(X)),
    ]


def _score(index: int) -> Program:
    """
    How much a socket is the key's, with the socket's number in the last 8 bits.
    """
    return [
        recall(KEY),
        xor((index + 1) * GOLDEN & 0xFFFFFFFF),
        mul(FIRST),
        *(tax(), rsh(15), xor(X)),
        mul(SECOND),
        and_(0xFFFFFFFF ^ INDEX),
        or_(index),
    ]
