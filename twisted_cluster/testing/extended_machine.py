"""
What the kernel does with an extended program, without one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from random import Random
from sys import byteorder

from attrs import Factory, define, field

from twisted_cluster.steering import extended
from twisted_cluster.steering.board import CELLS, PEER_SIZE, REMEMBERED_SIZE
from twisted_cluster.steering.extended import (
    ALU,
    ATOMIC,
    BYTE,
    DOUBLE,
    JMP,
    LDX,
    MEM,
    OF_REGISTER,
    STX,
    WIDE,
    WORD,
    Helper,
    Instruction,
    Map,
    Program,
    resolve,
)

ALL = (1 << 64) - 1
# Where things are in memory, far from each other.
STACK, CONTEXT, PACKET, BOARD, SOCKETS, PEERS, CLOSINGS = (at << 40 for at in range(1, 8))
BASES = {
    None: 0,
    Map.BOARD: BOARD,
    Map.SOCKETS: SOCKETS,
    Map.PEERS: PEERS,
    Map.CLOSINGS: CLOSINGS,
}
STACK_SIZE = 512
# What was found in a map, and a map that was found in one.
FOUND, INNER = 8 << 40, 9 << 40
# Far more than any program of ours, with the longest list.
STEPS = 100_000
SIZES = {WORD: 4, extended.HALF: 2, BYTE: 1, DOUBLE: 8}
MISSING = -2 & ALL
OPERATIONS: Mapping[int, Callable[[int, int], int]] = {
    extended.ADD: lambda a, b: a + b,
    extended.SUB: lambda a, b: a - b,
    extended.MUL: lambda a, b: a * b,
    extended.OR: lambda a, b: a | b,
    extended.AND: lambda a, b: a & b,
    extended.LSH: lambda a, b: a << (b & 63),
    extended.RSH: lambda a, b: a >> (b & 63),
    extended.ARSH: lambda a, b: _signed(a) >> (b & 63),
    extended.MOD: lambda a, b: a % b if b else a,
    extended.XOR: lambda a, b: a ^ b,
    extended.MOV: lambda a, b: b,
}
TESTS: Mapping[int, Callable[[int, int], bool]] = {
    extended.JEQ: lambda a, b: a == b,
    extended.JNE: lambda a, b: a != b,
    extended.JGT: lambda a, b: a > b,
    extended.JGE: lambda a, b: a >= b,
    extended.JSGT: lambda a, b: _signed(a) > _signed(b),
}


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


@define
class ExtendedMachine:
    """
    Runs extended programs.

    @ivar open: Indices of sockets that are there.
    @ivar board: What is shared with the program, for L{twisted_cluster.steering.board}.
    @ivar transport: The packet, from its transport's header on.
    @ivar network: The network's header before it.
    @ivar protocol: Of the transport.
    @ivar random: Where chance comes from.
    @ivar clock: In nanoseconds.
    @ivar peers: What the program remembers.
    @ivar closed: What workers have closed, of those that say it.
    """

    open: Collection[int]
    transport: bytes = b""
    network: bytes = b""
    protocol: int = 6
    random: Random = Factory(Random)
    clock: int = 0
    peers: dict[bytes, bytearray] = Factory(dict)
    closed: dict[int, int] = Factory(dict)
    board: memoryview = field(
        factory=lambda: memoryview(bytearray(8 * CELLS)).cast("Q"), init=False
    )
    _program: Program = field(default=(), init=False)
    _places: Mapping[int, Instruction] = field(factory=dict, init=False)
    _selected: int | None = field(default=None, init=False)
    _registers: list[int] = field(factory=list, init=False)
    _memory: dict[int, memoryview] = field(factory=dict, init=False)

    def run(self, program: Program) -> int | None:
        """
        @return: Which socket is chosen; L{None} if none.
        @raise ValueError: If the program does what the kernel would not let it do.
        """
        if program is not self._program:
            self._program, self._places = program, _placed(program)
        places = self._places
        self._start()
        at = 0
        for _ in range(STEPS):
            step = places.get(at)
            if step is None:
                raise ValueError("the program goes on where nothing is")
            at += step.size
            if step.code == JMP | extended.EXIT:
                return self._selected if self._registers[0] == 1 else None
            at += self._do(step)
        raise ValueError("the program does not end")

    def _start(self) -> None:
        self._selected = None
        self._registers = [0] * 11
        self._registers[1] = CONTEXT
        self._registers[10] = STACK + STACK_SIZE
        about = [PACKET, PACKET + len(self.transport)]
        facts = [len(self.transport), 0, self.protocol, 0, 0]
        self._memory = {
            STACK: memoryview(bytearray(STACK_SIZE)),
            CONTEXT: memoryview(
                b"".join(value.to_bytes(8, byteorder) for value in about)
                + b"".join(value.to_bytes(4, byteorder) for value in facts)
            ),
            PACKET: memoryview(self.transport),
            BOARD: self.board.cast("B"),
        }

    def _do(self, step: Instruction) -> int:
        """
        @return: How far to go on from the next one.
        """
        kind, registers = step.code & 7, self._registers
        if step.code == WIDE:
            registers[step.to] = BASES[step.map] + step.value
        elif kind == ALU:
            operation = OPERATIONS[step.code & 0xF0]
            registers[step.to] = operation(registers[step.to], self._operand(step)) & ALL
        elif step.code == JMP | extended.CALL:
            self._call(Helper(step.value))
        elif step.code == JMP | extended.JA:
            return step.offset
        elif kind == JMP:
            isSo = TESTS[step.code & 0xF0](registers[step.to], self._operand(step))
            return step.offset if isSo else 0
        else:
            self._reach(step)
        return 0

    def _operand(self, step: Instruction) -> int:
        if step.code & OF_REGISTER:
            return self._registers[step.source]
        return step.value & ALL

    def _reach(self, step: Instruction) -> None:
        """
        Read or write memory.
        """
        registers, size = self._registers, SIZES[step.code & BYTE | step.code & 0x08]
        if step.code & ~0x18 == LDX | MEM:
            found = self._at(registers[step.source] + step.offset, size)
            registers[step.to] = int.from_bytes(found, byteorder)
            return
        there = self._at(registers[step.to] + step.offset, size)
        value = registers[step.source]
        if step.code == STX | ATOMIC | DOUBLE:
            before = int.from_bytes(there, byteorder)
            if step.value & extended.FETCH:
                registers[step.source] = before
            value += before
        elif step.code & ~0x18 != STX | MEM:
            raise ValueError(f"{step} is nothing that can be done")
        there[:] = (value & (1 << 8 * size) - 1).to_bytes(size, byteorder)

    def _at(self, address: int, size: int) -> memoryview:
        part, offset = address >> 40 << 40, address & (1 << 40) - 1
        room = self._memory.get(part)
        if room is None or offset + size > len(room):
            raise ValueError(f"nothing of the program's is at {address:#x}")
        return room[offset : offset + size]

    def _call(self, helper: Helper) -> None:
        _, one, two, three, four, five, *_ = self._registers
        if helper == Helper.RANDOM:
            answer = self.random.getrandbits(32)
        elif helper == Helper.SELECT:
            answer = self._select(one, two, three)
        elif helper == Helper.CLOCK:
            answer = self.clock
        elif helper == Helper.LOOK_UP:
            answer = self._lookUp(one, two)
        elif helper == Helper.UPDATE:
            answer = self._update(one, two, three)
        else:
            answer = self._loadRelative(one, two, three, four, five)
        # What was given to it is lost; so that nobody counts on it.
        self._registers[:6] = [answer, *(-1 & ALL for _ in range(5))]

    def _select(self, context: int, sockets: int, key: int) -> int:
        if (context, sockets) != (CONTEXT, SOCKETS):
            raise ValueError("select wants the context, and the map of sockets")
        index = int.from_bytes(self._at(key, 4), byteorder)
        if index not in self.open:
            return MISSING
        self._selected = index
        return 0

    def _lookUp(self, map: int, key: int) -> int:
        if map == CLOSINGS:
            index = int.from_bytes(self._at(key, 4), byteorder)
            return INNER + index if index in self.closed else 0
        if map == PEERS:
            found = self.peers.get(bytes(self._at(key, PEER_SIZE)))
        elif map >= INNER and not any(self._at(key, 4)):
            found = bytearray(self.closed[map - INNER].to_bytes(8, byteorder))
        else:
            raise ValueError("nothing can be looked up there")
        if found is None:
            return 0
        self._memory[FOUND] = memoryview(found)
        return FOUND

    def _update(self, map: int, key: int, value: int) -> int:
        if map != PEERS:
            raise ValueError("only of peers something is remembered")
        remembered = bytearray(self._at(value, REMEMBERED_SIZE))
        self.peers[bytes(self._at(key, PEER_SIZE))] = remembered
        return 0

    def _loadRelative(self, context: int, start: int, to: int, size: int, of: int) -> int:
        if (context, of) != (CONTEXT, 1):
            raise ValueError("only the network's header can be read")
        found = self.network[start : start + size]
        if len(found) != size:
            return -14 & ALL
        self._at(to, size)[:] = found
        return 0


def _placed(program: Program) -> dict[int, Instruction]:
    """
    Each instruction by where it begins.
    """
    places, at = {}, 0
    for step in resolve(program):
        places[at] = step
        at += step.size
    return places
