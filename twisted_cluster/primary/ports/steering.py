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

import socket

from twisted_cluster.interfaces import IKernelPrograms
from twisted_cluster.policies.round_robin import RoundRobin
from twisted_cluster.primary.ports.programs import Programs
from twisted_cluster.primary.ports.steered import CannotSteerError, Steering, because
from twisted_cluster.primary.ports.steered_classic import ClassicSteering
from twisted_cluster.primary.ports.steered_extended import ExtendedSteering


def steer(programs: IKernelPrograms, anchor: socket.socket) -> Steering:
    """
    Have the kernel choose, by the best program that it lets us have.

    @param anchor: Listens, alone in its group so far.
    @raise CannotSteerError: If it does not let us have any; the error says why.
    """
    reasons = []
    for kind in (ExtendedSteering, ClassicSteering):
        try:
            steering: Steering = kind(programs, anchor)
        except CannotSteerError as error:
            reasons.append(str(error))
        except OSError as error:
            reasons.append(f"classic BPF: {because(error)}")
        else:
            steering.instead = "; ".join(reasons)
            return steering
    raise CannotSteerError("; ".join(reasons))


def kindFor(programs: IKernelPrograms) -> str:
    """
    The kind of program that the kernel would let us have, tried with one that it takes at
    once: others take it a tenth of a second.

    @raise CannotSteerError: If it does not let us have any; the error says why.
    @raise OSError: If it cannot be tried.
    """
    asked = Programs(programs)
    with socket.socket() as anchor:
        anchor.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        # Where nobody else comes.
        anchor.bind(("127.0.0.1", 0))
        anchor.listen(0)
        try:
            asked.extended()
            ExtendedSteering(RoundRobin(), anchor).close()
            return ExtendedSteering.kind
        except CannotSteerError as error:
            reason = str(error)
    try:
        asked.checkClassic()
    except CannotSteerError as error:
        raise CannotSteerError(f"{reason}; {error}") from None
    return ClassicSteering.kind
