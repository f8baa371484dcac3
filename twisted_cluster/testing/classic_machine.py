"""
What the kernel does with a classic program, without one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

from attrs import Factory, define

from twisted_cluster.steering import classic
from twisted_cluster.steering.classic import (
    ABS,
    ALU,
    BYTE,
    CPU,
    IMM,
    IND,
    JMP,
    LD,
    LDX,
    MEM,
    MISC,
    MSH,
    NETWORK,
    OF_A,
    OF_X,
    RANDOM,
    RET,
    ST,
    Instruction,
    Program,
    resolve,
)

ALL = 0xFFFFFFFF
SIZES = {classic.WORD: 4, classic.HALF: 2, classic.BYTE: 1}
OPERATIONS: Mapping[int, Callable[[int, int], int]] = {
    classic.ADD: lambda a, b: a + b,
    classic.SUB: lambda a, b: a - b,
    classic.MUL: lambda a, b: a * b,
    classic.DIV: lambda a, b: a // b,
    classic.OR: lambda a, b: a | b,
    classic.AND: lambda a, b: a & b,
    classic.LSH: lambda a, b: a << b,
    classic.RSH: lambda a, b: a >> b,
    classic.MOD: lambda a, b: a % b,
    classic.XOR: lambda a, b: a ^ b,
}
TESTS: Mapping[int, Callable[[int, int], bool]] = {
    classic.JEQ: lambda a, b: a == b,
    classic.JGT: lambda a, b: a > b,
    classic.JGE: lambda a, b: a >= b,
    classic.JSET: lambda a, b: bool(a & b),
}


@define
class ClassicMachine:
    """
    Runs classic programs.

    @ivar packet: What has come, from the network's header on.
    @ivar cpu: On which CPU.
    @ivar random: Where chance comes from.
    """

    packet: bytes = b""
    cpu: int = 0
    random: Random = Factory(Random)

    def run(self, program: Program) -> int:
        """
        @return: Which socket is chosen.
        @raise ValueError: If the program does what the kernel would not let it do.
        """
        steps, at = resolve(program), 0
        state = _State()
        while at < len(steps):
            step, at = steps[at], at + 1
            kind = step.code & 7
            if kind == RET:
                return {OF_A: state.a, 0: step.k}[step.code & 0x18]
            if kind == JMP:
                at += _passed(step, state)
            elif step.code & ~0x18 in (LD | ABS, LD | IND):
                value = self._read(step, state.x if step.code & IND else 0)
                if value is None:
                    # The kernel ends a program that reads beyond the packet.
                    return 0
                state.a = value
            elif step.code == LDX | BYTE | MSH:
                state.x = 4 * (self.packet[step.k - NETWORK] & 15)
            else:
                state.do(step)
        raise ValueError("the program goes on after its end")

    def _read(self, step: Instruction, beyond: int) -> int | None:
        if step.k == CPU:
            return self.cpu
        if step.k == RANDOM:
            return self.random.getrandbits(32)
        start, size = step.k - NETWORK + beyond, SIZES[step.code & 0x18]
        if start < 0:
            raise ValueError(f"read {step.k:#x}, which is no place in a header")
        found = self.packet[start : start + size]
        return int.from_bytes(found, "big") if len(found) == size else None


@define
class _State:
    """
    What a program has of its own.
    """

    a: int = 0
    x: int = 0
    words: dict[int, int] = Factory(dict)

    def operand(self, step: Instruction) -> int:
        return self.x if step.code & OF_X else step.k & ALL

    def do(self, step: Instruction) -> None:
        """
        One step that neither jumps nor looks at the packet.
        """
        kind, code = step.code & 7, step.code
        if kind == ALU:
            self.a = OPERATIONS[code & 0xF0](self.a, self.operand(step)) & ALL
        elif code == LD | IMM:
            self.a = step.k & ALL
        elif code == LD | MEM:
            self.a = self._word(step)
        elif code == LDX | MEM:
            self.x = self._word(step)
        elif code == ST and 0 <= step.k < classic.WORDS:
            self.words[step.k] = self.a
        elif code == MISC | classic.TAX:
            self.x = self.a
        elif code == MISC | classic.TXA:
            self.a = self.x
        else:
            raise ValueError(f"{step} is nothing that can be done")

    def _word(self, step: Instruction) -> int:
        if step.k not in self.words:
            raise ValueError(f"word {step.k} is read before it is written")
        return self.words[step.k]


def _passed(step: Instruction, state: _State) -> int:
    """
    How many instructions a jump passes.
    """
    if step.code == JMP | classic.JA:
        return step.k
    isSo = TESTS[step.code & 0xF0](state.a, state.operand(step))
    passed = step.yes if isSo else step.no
    assert isinstance(passed, int)
    return passed
