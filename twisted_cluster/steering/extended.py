"""
An assembler for extended BPF, of which a program can count, and be told by what it
shares with the process that made it.

As in L{twisted_cluster.steering.classic}, a program is a list in which texts are labels;
but it may go back. It has registers of 64 bits: C{R0} is what a call answers, and the
program itself at its end; C{R1} to C{R5} are what is given to a call, and lost in it;
C{R6} to C{R9} are kept; C{R10} is the end of 512 bytes of memory. It begins with what is
to be known of the packet at C{R1}.

@see: Linux, Documentation/bpf/standardization/instruction-set.rst.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from enum import Enum, IntEnum
from typing import NamedTuple

# As linux/bpf_common.h and linux/bpf.h have them.
LDX, STX, JMP, ALU = 1, 3, 5, 7
WIDE = 0x18
WORD, HALF, BYTE, DOUBLE = 0x00, 0x08, 0x10, 0x18
MEM, ATOMIC = 0x60, 0xC0
ADD, SUB, MUL, OR, AND, LSH, RSH = 0x00, 0x10, 0x20, 0x40, 0x50, 0x60, 0x70
MOD, XOR, MOV, ARSH = 0x90, 0xA0, 0xB0, 0xC0
JA, JEQ, JGT, JGE, JNE, JSGT, CALL, EXIT = (
    *(0x00, 0x10, 0x20, 0x30),
    *(0x50, 0x60, 0x80, 0x90),
)
OF_REGISTER = 0x08
FETCH = 0x01
WHOLE_MAP, INSIDE = 1, 2
INSTRUCTION = struct.Struct("=BBhi")


class Register(IntEnum):
    """
    One of eleven.
    """

    R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10 = range(11)


R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10 = Register


class Helper(IntEnum):
    """
    What of the kernel can be called.
    """

    LOOK_UP = 1
    UPDATE = 2
    CLOCK = 5
    RANDOM = 7
    LOAD_RELATIVE = 68
    SELECT = 82


class Map(Enum):
    """
    What a program shares with who made it.
    """

    BOARD = "board"
    SOCKETS = "sockets"
    PEERS = "peers"
    CLOSINGS = "closings"


class Instruction(NamedTuple):
    """
    One step.

    @ivar code: What to do.
    @ivar to: The first register.
    @ivar source: The second.
    @ivar offset: Where in memory, or how far to go.
    @ivar value: With which number.
    @ivar label: Where to go.
    @ivar map: Whose address to take.
    """

    code: int
    to: int = 0
    source: int = 0
    offset: int = 0
    value: int = 0
    label: str | None = None
    map: Map | None = None

    @property
    def size(self) -> int:
        """
        How many places it takes.
        """
        return 2 if self.code == WIDE else 1


Program = Sequence[Instruction | str]
Operand = int | Register


def _with(
    code: int, to: Register, value: Operand, label: str | None = None
) -> Instruction:
    if isinstance(value, Register):
        return Instruction(code | OF_REGISTER, to, value, label=label)
    return Instruction(code, to, value=value, label=label)


def mov(to: Register, value: Operand) -> Instruction:
    """
    Copy a register, or a number of 32 bits with its sign.
    """
    return _with(ALU | MOV, to, value)


def add(to: Register, value: Operand) -> Instruction:
    """
    Add, in 64 bits as all that is done.
    """
    return _with(ALU | ADD, to, value)


def sub(to: Register, value: Operand) -> Instruction:
    """
    Subtract.
    """
    return _with(ALU | SUB, to, value)


def mul(to: Register, value: Operand) -> Instruction:
    """
    Multiply.
    """
    return _with(ALU | MUL, to, value)


def mod(to: Register, value: Operand) -> Instruction:
    """
    Keep what is left, divided; all of it, if it is to be divided by 0.
    """
    return _with(ALU | MOD, to, value)


def and_(to: Register, value: Operand) -> Instruction:
    """
    Keep these bits.
    """
    return _with(ALU | AND, to, value)


def or_(to: Register, value: Operand) -> Instruction:
    """
    Set bits.
    """
    return _with(ALU | OR, to, value)


def xor(to: Register, value: Operand) -> Instruction:
    """
    Turn bits round.
    """
    return _with(ALU | XOR, to, value)


def lsh(to: Register, bits: int) -> Instruction:
    """
    Move to the left.
    """
    return _with(ALU | LSH, to, bits)


def rsh(to: Register, bits: int) -> Instruction:
    """
    Move to the right.
    """
    return _with(ALU | RSH, to, bits)


def arsh(to: Register, bits: int) -> Instruction:
    """
    Move to the right, with the sign.
    """
    return _with(ALU | ARSH, to, bits)


def load(
    to: Register, source: Register, offset: int = 0, size: int = DOUBLE
) -> Instruction:
    """
    Take what lies at an address.
    """
    return Instruction(LDX | MEM | size, to, source, offset)


def store(to: Register, offset: int, source: Register, size: int = DOUBLE) -> Instruction:
    """
    Put a register where an address says.
    """
    return Instruction(STX | MEM | size, to, source, offset)


def addAt(to: Register, offset: int, source: Register) -> Instruction:
    """
    Add to what lies at an address, whoever else does so at the same time.
    """
    return Instruction(STX | ATOMIC | DOUBLE, to, source, offset, ADD)


def fetchAdd(to: Register, offset: int, source: Register) -> Instruction:
    """
    The same, and have C{source} be what was there before.
    """
    return Instruction(STX | ATOMIC | DOUBLE, to, source, offset, ADD | FETCH)


def constant(to: Register, value: int) -> Instruction:
    """
    Take a number of 64 bits, without a sign.
    """
    return Instruction(WIDE, to, value=value)


def address(to: Register, offset: int = 0) -> Instruction:
    """
    Take where in the board something lies.

    @param offset: In bytes.
    """
    return Instruction(WIDE, to, INSIDE, value=offset, map=Map.BOARD)


def sockets(to: Register) -> Instruction:
    """
    Take the map of sockets.
    """
    return Instruction(WIDE, to, WHOLE_MAP, map=Map.SOCKETS)


def peers(to: Register) -> Instruction:
    """
    Take the map of what is remembered.
    """
    return Instruction(WIDE, to, WHOLE_MAP, map=Map.PEERS)


def closings(to: Register) -> Instruction:
    """
    Take the map of maps in which workers count what they have closed.
    """
    return Instruction(WIDE, to, WHOLE_MAP, map=Map.CLOSINGS)


def jump(label: str) -> Instruction:
    """
    Go on somewhere else.
    """
    return Instruction(JMP | JA, label=label)


def jeq(one: Register, value: Operand, label: str) -> Instruction:
    """
    Go on somewhere else, if a register is equal to a value.
    """
    return _with(JMP | JEQ, one, value, label)


def jne(one: Register, value: Operand, label: str) -> Instruction:
    """
    The same, if it is not.
    """
    return _with(JMP | JNE, one, value, label)


def jgt(one: Register, value: Operand, label: str) -> Instruction:
    """
    The same, if it is more, without a sign.
    """
    return _with(JMP | JGT, one, value, label)


def jge(one: Register, value: Operand, label: str) -> Instruction:
    """
    The same, if it is at least that.
    """
    return _with(JMP | JGE, one, value, label)


def jsgt(one: Register, value: Operand, label: str) -> Instruction:
    """
    The same, if it is more, with a sign.
    """
    return _with(JMP | JSGT, one, value, label)


def call(helper: Helper) -> Instruction:
    """
    Have the kernel do something.
    """
    return Instruction(JMP | CALL, value=helper)


def end() -> Instruction:
    """
    Answer what is in R0.
    """
    return Instruction(JMP | EXIT)


def resolve(program: Program) -> list[Instruction]:
    """
    Put distances in the places of labels.

    @raise ValueError: If a label is missing.
    """
    labels: dict[str, int] = {}
    at = 0
    for one in program:
        if isinstance(one, str):
            labels[one] = at
        else:
            at += one.size
    steps, at = [], 0
    for one in program:
        if not isinstance(one, str):
            at += one.size
            steps.append(_resolved(one, at, labels))
    return steps


def _resolved(step: Instruction, after: int, labels: Mapping[str, int]) -> Instruction:
    if step.label is None:
        return step
    if step.label not in labels:
        raise ValueError(f"no label {step.label!r}")
    return step._replace(offset=labels[step.label] - after)


def uses(program: Program, map: Map) -> bool:
    """
    Whether a program has to do with a map.
    """
    return any(not isinstance(one, str) and one.map is map for one in program)


def assemble(program: Program, maps: Mapping[Map, int]) -> bytes:
    """
    @param maps: Their descriptors.
    @return: A program as the kernel takes it.
    @raise ValueError: As L{resolve}.
    """
    return b"".join(_packed(step, maps) for step in resolve(program))


def _packed(step: Instruction, maps: Mapping[Map, int]) -> bytes:
    registers = step.to | step.source << 4
    if step.code == WIDE and step.map is None:
        low, high = struct.unpack("<ii", struct.pack("<Q", step.value))
        return INSTRUCTION.pack(step.code, registers, 0, low) + INSTRUCTION.pack(
            0, 0, 0, high
        )
    if step.map is None:
        return INSTRUCTION.pack(step.code, registers, step.offset, step.value)
    return INSTRUCTION.pack(step.code, registers, 0, maps[step.map]) + INSTRUCTION.pack(
        0, 0, 0, step.value
    )
