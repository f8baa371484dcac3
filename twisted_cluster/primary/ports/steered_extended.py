"""
Sockets that an extended program chooses from, which counts.
"""

from __future__ import annotations

import mmap
import os
import socket
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress

from twisted_cluster.interfaces import IKernelPrograms
from twisted_cluster.primary.ports.programs import Programs
from twisted_cluster.primary.ports.steered import (
    ANCHOR,
    MOST_PLACES,
    CannotSteerError,
    Served,
    because,
    lockOnce,
)
from twisted_cluster.steering import extended
from twisted_cluster.steering.board import (
    CELL,
    PEER_SIZE,
    REMEMBERED_SIZE,
    SIZE,
    TURNS,
    Board,
)
from twisted_cluster.steering.extended import Map
from twisted_cluster.steering.places import MOST, Place, spread
from twisted_cluster.steering.reckoning import Reckoning, Seen
from twisted_cluster.wire import bpf
from twisted_cluster.wire.closings import Closings
from twisted_cluster.wire.diagnosis import waitingAt
from twisted_cluster.wire.reuseport import attachExtended

# As many as are remembered; some 100 bytes each.
PEERS = 65536
# For so many sockets what is closed is made countable at a time, for it takes as long as
# for one.
COUNTED = 16


class ExtendedSteering:
    """
    By a program that is told through memory who may be chosen, and what there is to do.

    It is loaded here, which takes CAP_BPF; of what follows only L{add} does too, before
    Linux 6.0.
    """

    kind = "extended"
    instead = ""

    def __init__(self, programs: IKernelPrograms, anchor: socket.socket) -> None:
        """
        @raise CannotSteerError: If there is no such program, or it is refused.
        """
        self._programs = Programs(programs)
        program = self._programs.extended()
        self._anchor = anchor
        self.remembers = extended.uses(program, Map.PEERS)
        self._members: dict[int, socket.socket] = {}
        self._inodes: dict[int, int] = {}
        self._reckonings: dict[int, Reckoning] = {}
        self._closings: dict[int, Closings] = {}
        self._closingsFds: dict[int, int] = {}
        # Places whose count nobody was given yet.
        self._unused: set[int] = set()
        # What was closed when that was last noted.
        self._noted: dict[int, int] = {}
        self._maps: int | None = None
        self._memory: mmap.mmap | None = None
        self._fds: list[int] = []
        try:
            self._makeMaps()
            self._program = self._load(program)
            bpf.putSocket(self._sockets, ANCHOR, anchor)
            self.allow(())
            self.attach()
            if self._programs.readsLoads:
                # Without that it would send many where many wait.
                waitingAt(anchor.family, anchor.getsockname()[1])
        except Exception as error:
            self.close()
            raise CannotSteerError(f"extended BPF: {because(error)}") from error

    def _makeMaps(self) -> None:
        board, self._memory = bpf.makeBoard(SIZE)
        self._fds.append(board)
        self._board = Board(memoryview(self._memory).cast("Q"))
        self._sockets = bpf.makeSockets(MOST)
        self._fds.append(self._sockets)
        self._here = {Map.BOARD: board, Map.SOCKETS: self._sockets}

    def _load(self, program: extended.Program) -> int:
        maps = self._here
        if extended.uses(program, Map.PEERS) and Map.PEERS not in maps:
            maps[Map.PEERS] = bpf.makeMemory(PEER_SIZE, REMEMBERED_SIZE, PEERS)
            self._fds.append(maps[Map.PEERS])
        if extended.uses(program, Map.CLOSINGS) and Map.CLOSINGS not in maps:
            like, _ = bpf.makeBoard(CELL)
            self._fds.append(like)
            made = maps[Map.CLOSINGS] = bpf.makeMaps(like, MOST)
            self._fds.append(made)
            # Else workers that are there do not count, and those to come would.
            self._maps = None if self._members else made
        loaded = bpf.loadProgram(extended.assemble(program, maps))
        self._fds.append(loaded)
        return loaded

    @property
    def descriptors(self) -> int:
        # Memory that a program can reach has one more, as Python has it.
        return len(self._fds) + 1 + 2 * len(self._closings)

    def add(self, index: int, member: socket.socket) -> None:
        lockOnce(index, member, self._members)
        bpf.putSocket(self._sockets, index, member)
        self._inodes[index] = os.fstat(member.fileno()).st_ino
        self._reckonings.setdefault(index, Reckoning())
        if self._maps is not None and index not in self._closings:
            # Without CAP_BPF by now, the program is told of what is closed, as before.
            with suppress(OSError):
                following = range(index, min(index + COUNTED, MOST_PLACES))
                new = [one for one in following if one not in self._closings]
                self._countClosings(new, self._maps)

    def _countClosings(self, indices: Sequence[int], maps: int) -> None:
        """
        Have closings be counted for sockets, those to come included.
        """
        fds: dict[int, int] = {}
        try:
            for index in indices:
                fds[index], _ = bpf.makeBoard(CELL)
            made = {index: Closings(fd) for index, fd in fds.items()}
            bpf.putMaps(maps, fds)
        except BaseException:
            for fd in fds.values():
                os.close(fd)
            raise
        for index in indices:
            self._dropClosings(index)
        self._closings.update(made)
        self._closingsFds.update(fds)
        self._unused.update(indices)

    def _dropClosings(self, index: int) -> None:
        self._closings.pop(index, None)
        self._noted.pop(index, None)
        self._unused.discard(index)
        fd = self._closingsFds.pop(index, None)
        if fd is not None:
            os.close(fd)

    def newClosings(self, index: int) -> int | None:
        if self._maps is None:
            return None
        if index not in self._unused:
            # Whoever was given the one that there is may write it still.
            try:
                self._countClosings([index], self._maps)
            except OSError:
                self._countNoMore(self._maps)
                return None
            self._board.setLoad(index, 0, self._board.chosen(index))
        self._unused.discard(index)
        return self._closingsFds[index]

    def _countNoMore(self, maps: int) -> None:
        """
        Nobody counts where one cannot: who does would be known to be free sooner, and be
        given far more.
        """
        self._maps = None
        for index in list(self._closings):
            load = self.loadOf(index)
            # Before Linux 6.0 it takes CAP_BPF: the program reads it still.
            with suppress(OSError):
                bpf.takeMap(maps, index)
                self._dropClosings(index)
                self._board.setLoad(index, load, self._board.chosen(index))

    def _closedAt(self, index: int) -> int:
        closings = self._closings.get(index)
        return 0 if closings is None else closings.count

    def remove(self, index: int) -> None:
        # The kernel has taken it from the map.
        pass

    def allow(
        self,
        places: Sequence[Place],
        byWeight: bool = False,
        leaving: Collection[int] = (),
    ) -> None:
        weights = {**dict.fromkeys(leaving, 1), **{p.index: p.weight for p in places}}
        for index, weight in weights.items():
            self._board.setWeight(index, weight)
        turns = spread(places, TURNS) if byWeight else self._turns(places)
        self._board.setTurns(turns or [ANCHOR])
        if self.remembers:
            for index in self._members.keys() - weights.keys():
                self._board.setWeight(index, 0)

    def _turns(self, places: Sequence[Place]) -> Sequence[int]:
        return self._programs.turns(places) if places else ()

    def change(self, programs: IKernelPrograms) -> None:
        changed, before = Programs(programs), self._program
        program = changed.extended()
        try:
            self._program = self._load(program)
            self.attach()
        except OSError as error:
            if self._program != before:
                self._fds.remove(self._program)
                os.close(self._program)
            self._program = before
            raise CannotSteerError(f"extended BPF: {because(error)}") from error
        self._programs = changed
        self._fds.remove(before)
        os.close(before)

    def attach(self) -> None:
        attachExtended(self._anchor, self._program)

    def noteClosings(self) -> None:
        self._noted = {index: one.count for index, one in self._closings.items()}

    def reckon(self, served: Mapping[int, Served], now: float) -> None:
        if not self._programs.readsLoads:
            return
        waiting = self._waiting()
        for index, worker in served.items():
            waits = waiting.get(self._inodes[index], 0)
            closed = self._noted.get(index, self._closedAt(index))
            chosen = self._board.chosen(index)
            seen = Seen(worker.active, worker.accepted, waits, chosen)
            load = self._reckonings[index].load(seen, now)
            self._board.setLoad(index, load, chosen, closed)
        self._noted = {}

    def _waiting(self) -> dict[int, int]:
        # What TCP_INFO says would be the same; but to ask that of a socket which a worker
        # has shut down, and keeps locked, takes until it lets it go.
        try:
            return waitingAt(self._anchor.family, self._anchor.getsockname()[1])
        except OSError:
            return {}

    def loadOf(self, index: int) -> int:
        """
        What a socket has to do, as the program sees it just now.
        """
        return self._board.load(index, self._closedAt(index))

    def close(self) -> None:
        for index in list(self._closingsFds):
            self._dropClosings(index)
        for fd in self._fds:
            os.close(fd)
        self._fds = []
        if self._memory is not None:
            # It is a descriptor, too: not only when the garbage is collected.
            self._board = Board(memoryview(bytearray(SIZE)).cast("Q"))
            self._memory.close()
