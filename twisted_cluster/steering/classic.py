"""
An assembler for classic BPF, which the kernel takes from everybody.

A program is a list of instructions; a text in it is a label, where jumps can go to::

    [
        ld(RANDOM),
        mod(3),
        jeq(1, "excluded"),
        ret(A),
        "excluded",
        ret(0),
    ]

It has an accumulator, C{A}, a second register, C{X}, and 16 words of memory. What it
returns is the number of a socket; whatever is no socket's leaves the choice to the
kernel's hash.

@see: Linux, Documentation/networking/filter.rst.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from enum import Enum
from typing import Final, NamedTuple

# As linux/bpf_common.h and linux/filter.h have them.
LD, LDX, ST, STX, ALU, JMP, RET, MISC = range(8)
WORD, HALF, BYTE = 0x00, 0x08, 0x10
IMM, ABS, IND, MEM, MSH = 0x00, 0x20, 0x40, 0x60, 0xA0
ADD, SUB, MUL, DIV, OR, AND, LSH, RSH = range(0x00, 0x80, 0x10)
MOD, XOR = 0x90, 0xA0
JA, JEQ, JGT, JGE, JSET = range(0x00, 0x50, 0x10)
OF_X, OF_A = 0x08, 0x10
TAX, TXA = 0x00, 0x80
# Where in a packet to read what is no packet's: which CPU it is on, and a random number.
CPU: Final = 0xFFFFF000 + 36
RANDOM: Final = 0xFFFFF000 + 56
# Where the network's header begins: the transport's has been passed when we are asked.
NETWORK: Final = 0xFFF00000
# BPF_MAXINSNS, and how far a jump with a condition goes.
LONGEST = 4096
FARTHEST = 255
WORDS = 16
INSTRUCTION = struct.Struct("=HBBI")


class Register(Enum):
    """
    What an instruction works with that is no number.
    """

    A = OF_A
    X = OF_X


A = Register.A
X = Register.X


class Instruction(NamedTuple):
    """
    One step.

    @ivar code: What to do.
    @ivar k: With which number.
    @ivar yes: How many to pass if so, or to which label.
    @ivar no: The same if not.
    """

    code: int
    k: int = 0
    yes: int | str = 0
    no: int | str = 0


Program = Sequence[Instruction | str]


def ld(at: int, size: int = WORD) -> Instruction:
    """
    Take what is in the packet, big end first, to A.

    @param at: L{RANDOM}, L{CPU}, or a distance from L{NETWORK}.
    """
    return Instruction(LD | size | ABS, at)


def ldb(at: int) -> Instruction:
    """
    The same of one byte.
    """
    return ld(at, BYTE)


def header(at: int) -> Instruction:
    """
    Take to X how long the IPv4 header is that begins there.
    """
    return Instruction(LDX | BYTE | MSH, at)


def ldh(at: int, beyond: Register | None = None) -> Instruction:
    """
    Take two bytes of the packet to A.

    @param beyond: C{X}, if its value is to be added to C{at}.
    """
    return Instruction(LD | HALF | (IND if beyond is X else ABS), at)


def imm(k: int) -> Instruction:
    """
    Take a number to A.
    """
    return Instruction(LD | IMM, k)


def recall(word: int, to: Register = A) -> Instruction:
    """
    Take a word of memory to a register.
    """
    return Instruction((LD if to is A else LDX) | MEM, word)


def keep(word: int) -> Instruction:
    """
    Put A into a word of memory.
    """
    return Instruction(ST, word)


def _alu(operation: int, value: int | Register) -> Instruction:
    if isinstance(value, Register):
        return Instruction(ALU | operation | OF_X)
    return Instruction(ALU | operation, value)


def add(value: int | Register) -> Instruction:
    """
    Add to A; in 32 bits, as all that is done with it.
    """
    return _alu(ADD, value)


def mul(value: int | Register) -> Instruction:
    """
    Multiply A.
    """
    return _alu(MUL, value)


def mod(value: int) -> Instruction:
    """
    Have A be what is left of it, divided.
    """
    return _alu(MOD, value)


def and_(value: int | Register) -> Instruction:
    """
    Keep these bits of A.
    """
    return _alu(AND, value)


def or_(value: int | Register) -> Instruction:
    """
    Set bits of A.
    """
    return _alu(OR, value)


def xor(value: int | Register) -> Instruction:
    """
    Turn bits of A round.
    """
    return _alu(XOR, value)


def rsh(bits: int) -> Instruction:
    """
    Move A to the right.
    """
    return _alu(RSH, bits)


def tax() -> Instruction:
    """
    Copy A to X.
    """
    return Instruction(MISC | TAX)


def jump(label: str) -> Instruction:
    """
    Go on somewhere else, however far ahead.
    """
    return Instruction(JMP | JA, yes=label)


def _when(test: int, value: int | Register, yes: int | str, no: int | str) -> Instruction:
    if isinstance(value, Register):
        return Instruction(JMP | test | OF_X, 0, yes, no)
    return Instruction(JMP | test, value, yes, no)


def jeq(value: int | Register, yes: int | str = 0, no: int | str = 0) -> Instruction:
    """
    Go on where is said, as A is equal or not.

    @param yes: A label at most L{FARTHEST} ahead, or how many instructions to pass.
    """
    return _when(JEQ, value, yes, no)


def jge(value: int | Register, yes: int | str = 0, no: int | str = 0) -> Instruction:
    """
    The same, as A is at least that, without a sign, or not.
    """
    return _when(JGE, value, yes, no)


def jgt(value: int | Register, yes: int | str = 0, no: int | str = 0) -> Instruction:
    """
    The same, as A is more, or not.
    """
    return _when(JGT, value, yes, no)


def ret(value: int | Register) -> Instruction:
    """
    Choose the socket of this number.

    @param value: The number, or L{A}.
    """
    if isinstance(value, Register):
        return Instruction(RET | value.value)
    return Instruction(RET, value)


def resolve(program: Program) -> list[Instruction]:
    """
    Put distances in the places of labels.

    @raise ValueError: If a label is missing, behind or too far, or the program too long.
    """
    labels: dict[str, int] = {}
    steps: list[Instruction] = []
    for one in program:
        if isinstance(one, str):
            labels[one] = len(steps)
        else:
            steps.append(one)
    if not 0 < len(steps) <= LONGEST:
        raise ValueError(f"a program of {len(steps)} instructions, not 1 to {LONGEST}")
    return [_resolved(step, at, labels) for at, step in enumerate(steps)]


def _resolved(step: Instruction, at: int, labels: dict[str, int]) -> Instruction:
    if isinstance(step.yes, int) and isinstance(step.no, int):
        return step
    yes, no = (_distance(to, at, labels) for to in (step.yes, step.no))
    if step.code == JMP | JA:
        return step._replace(k=yes, yes=0)
    if max(yes, no) > FARTHEST:
        raise ValueError(f"a jump over {max(yes, no)} instructions, not {FARTHEST}")
    return step._replace(yes=yes, no=no)


def _distance(to: int | str, at: int, labels: dict[str, int]) -> int:
    if isinstance(to, int):
        return to
    if to not in labels:
        raise ValueError(f"no label {to!r}")
    if labels[to] <= at:
        raise ValueError(f"{to!r} lies behind: classic programs only go on")
    return labels[to] - at - 1


def assemble(program: Program) -> bytes:
    """
    @return: A program as the kernel takes it.
    @raise ValueError: As L{resolve}.
    """
    return b"".join(
        INSTRUCTION.pack(step.code, step.yes, step.no, step.k & 0xFFFFFFFF)
        for step in resolve(program)
    )
