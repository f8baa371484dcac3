"""
The kernel chooses which socket of a group gets the next connection, by a program.

A group has one socket for each place, and one more, the I{anchor}, that listens first and
is the primary's alone: programs are attached by it, and who comes while nobody may be
chosen waits there. Whoever has a socket of a group could attach a program of its own, to
all of it; so each is locked before anybody else has it. The kernel lets everybody detach
the program, however; so it is attached again now and then.

The extended program chooses from a map, where each socket has a key; the classic one by
the order in which they have begun to listen, in which the last one moves into the place
of one that ceases to, as a worker can have its socket do. That is why the extended
program is no filter that returns a number (C{BPF_PROG_TYPE_SOCKET_FILTER}), which would
go by that order, too, and would have to find out by itself where a TCP header is.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Mapping, Sequence
from typing import Protocol

from attrs import frozen
from twisted.logger import Logger

from twisted_cluster.errors import ClusterError
from twisted_cluster.interfaces import IKernelPolicy
from twisted_cluster.steering import classic, extended
from twisted_cluster.steering.board import SIZE, Board
from twisted_cluster.steering.classic import ret
from twisted_cluster.steering.extended import Map
from twisted_cluster.steering.places import MOST, Place
from twisted_cluster.steering.reckoning import Reckoning, Seen
from twisted_cluster.wire import bpf
from twisted_cluster.wire.backlog import backlogOf
from twisted_cluster.wire.reuseport import attachClassic, attachExtended, lock

log = Logger()
# Whose key in the map no place has.
ANCHOR = MOST - 1
# So many places a group may have.
MOST_PLACES = MOST - 1


class CannotSteerError(ClusterError):
    """
    The kernel cannot choose the workers of a listener as its policy says.
    """


@frozen
class Served:
    """
    What a worker says of a socket.

    @ivar active: Connections that it serves; what a policy goes by.
    @ivar accepted: How many have been accepted from the socket, ever, by whomever: this
        worker, those that had it before, the primary.
    """

    active: int
    accepted: int


class Steering(Protocol):
    """
    A group whose sockets a program chooses from. Nobody may be chosen at first.
    """

    kind: str
    """
    What is said in the log: C{classic} or C{extended}.
    """
    instead: str
    """
    Why it is not a better kind, for the log; empty, if there is none.
    """

    def add(self, index: int, member: socket.socket) -> None:
        """
        A socket has begun to listen, after all others that were added. It takes the
        place of any other; no worker has it yet, unless it was there before.

        @param index: Its place, from 0, below L{MOST_PLACES}.
        @raise OSError: If it cannot be steered to.
        """

    def remove(self, index: int) -> None:
        """
        One has ceased to listen.
        """

    def allow(self, places: Sequence[Place]) -> None:
        """
        Have only these be chosen, from now on. If there are none, who comes waits at the
        anchor.

        @param places: Which were added.
        @raise OSError: If the system does not take the program.
        """

    def attach(self) -> None:
        """
        Have the program choose, if somebody has detached it.
        """

    def reckon(self, served: Mapping[int, Served], now: float) -> None:
        """
        Tell the program what there is to do, of all that may be chosen; 20 times a second
        or so.

        @param now: In seconds.
        """

    def close(self) -> None:
        """
        Let go of what is the program's; it goes on while a socket listens.
        """


class ClassicSteering:
    """
    By a program that everybody may have.
    """

    kind = "classic"
    instead = ""

    def __init__(self, policy: IKernelPolicy, anchor: socket.socket) -> None:
        """
        @raise CannotSteerError: If there is no such program.
        """
        if policy.classicProgram([Place(0)]) is None:
            raise CannotSteerError("without that this policy cannot do")
        self._policy = policy
        self._anchor = anchor
        self._order: list[int] = [ANCHOR]
        self._locked: dict[int, socket.socket] = {}
        self._places: Sequence[Place] = ()
        self._program = b""
        self._renew()

    def add(self, index: int, member: socket.socket) -> None:
        _lockOnce(index, member, self._locked)
        if index in self._order:
            self._forget(index)
        self._order.append(index)
        self._renew()

    def remove(self, index: int) -> None:
        self._forget(index)
        self._renew()

    def _forget(self, index: int) -> None:
        # As the kernel does it.
        last = self._order.pop()
        if last != index:
            self._order[self._order.index(index)] = last

    def allow(self, places: Sequence[Place]) -> None:
        self._places = tuple(places)
        self._renew()

    def _renew(self) -> None:
        where = {index: at for at, index in enumerate(self._order)}
        here = [
            Place(where[place.index], place.weight)
            for place in self._places
            if place.index in where
        ]
        here.sort(key=lambda place: place.index)
        program = self._policy.classicProgram(here) if here else None
        self._program = classic.assemble(program or [ret(where[ANCHOR])])
        self.attach()

    def attach(self) -> None:
        attachClassic(self._anchor, self._program)

    def reckon(self, served: Mapping[int, Served], now: float) -> None:
        pass

    def close(self) -> None:
        pass


class ExtendedSteering:
    """
    By a program that counts.

    It is loaded here, which takes CAP_BPF; of what follows only L{add} does too, before
    Linux 6.0. Who may be chosen, and what there is to do, is told through memory.
    """

    kind = "extended"
    instead = ""

    def __init__(self, policy: IKernelPolicy, anchor: socket.socket) -> None:
        """
        @raise CannotSteerError: If there is no such program, or it is refused.
        """
        program = policy.extendedProgram()
        if program is None:
            raise CannotSteerError("this policy has no extended BPF")
        self._policy = policy
        self._anchor = anchor
        self._members: dict[int, socket.socket] = {}
        self._reckonings: dict[int, Reckoning] = {}
        self._fds: list[int] = []
        try:
            self._load(program)
            bpf.putSocket(self._sockets, ANCHOR, anchor)
        except OSError as error:
            self.close()
            raise CannotSteerError(f"extended BPF: {_because(error)}") from error
        self.allow(())
        self.attach()

    def _load(self, program: extended.Program) -> None:
        board, self._memory = bpf.makeBoard(SIZE)
        self._fds.append(board)
        self._board = Board(memoryview(self._memory).cast("Q"))
        self._sockets = bpf.makeSockets(MOST)
        self._fds.append(self._sockets)
        maps = {Map.BOARD: board, Map.SOCKETS: self._sockets}
        self._program = bpf.loadProgram(extended.assemble(program, maps))
        self._fds.append(self._program)

    def add(self, index: int, member: socket.socket) -> None:
        _lockOnce(index, member, self._members)
        bpf.putSocket(self._sockets, index, member)
        self._reckonings.setdefault(index, Reckoning())

    def remove(self, index: int) -> None:
        # The kernel has taken it from the map.
        pass

    def allow(self, places: Sequence[Place]) -> None:
        for place in places:
            self._board.setWeight(place.index, place.weight)
        turns = self._policy.turns(places) if places else ()
        self._board.setTurns(turns or [ANCHOR])

    def attach(self) -> None:
        attachExtended(self._anchor, self._program)

    def reckon(self, served: Mapping[int, Served], now: float) -> None:
        for index, worker in served.items():
            waiting = backlogOf(self._members[index]) or 0
            chosen = self._board.chosen(index)
            seen = Seen(worker.active, worker.accepted, waiting, chosen)
            load = self._reckonings[index].load(seen, now)
            self._board.setLoad(index, load, chosen)

    def close(self) -> None:
        for fd in self._fds:
            os.close(fd)
        self._fds = []


def steer(policy: IKernelPolicy, anchor: socket.socket) -> Steering:
    """
    Have the kernel do what a policy says, with the best program that it lets us have.

    @param anchor: Listens, alone in its group so far.
    @raise CannotSteerError: If it does not let us have any; the error says why.
    """
    reasons = []
    for kind in (ExtendedSteering, ClassicSteering):
        try:
            steering: Steering = kind(policy, anchor)
        except CannotSteerError as error:
            reasons.append(str(error))
        except OSError as error:
            reasons.append(f"classic BPF: {_because(error)}")
        else:
            steering.instead = "; ".join(reasons)
            return steering
    raise CannotSteerError("; ".join(reasons))


def _lockOnce(
    index: int, member: socket.socket, members: dict[int, socket.socket]
) -> None:
    # Who has it by then may keep it from being locked, and the primary waiting.
    if members.get(index) is not member:
        lock(member)
        members[index] = member


def _because(error: OSError) -> str:
    if error.errno == errno.EPERM:
        return "it takes CAP_BPF"
    return os.strerror(error.errno or 0)
