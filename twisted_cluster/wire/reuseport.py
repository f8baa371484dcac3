"""
Which program chooses among the sockets of a SO_REUSEPORT group.
"""

from __future__ import annotations

import socket
import struct
from array import array

from twisted_cluster.steering.classic import INSTRUCTION

# As asm-generic/socket.h has them.
SO_LOCK_FILTER = 44
SO_ATTACH_REUSEPORT_CBPF = 51
SO_ATTACH_REUSEPORT_EBPF = 52
SO_DETACH_REUSEPORT_BPF = 68


def attachClassic(member: socket.socket, program: bytes) -> None:
    """
    Have a program choose from now on, in the place of any other.

    @param member: Any socket of the group.
    @param program: As L{twisted_cluster.steering.classic.assemble} makes it.
    @raise OSError: If the system does not have it: it is too long for it, or a socket
        is locked, or the platform knows no such programs.
    """
    steps = array("B", program)
    count = len(program) // INSTRUCTION.size
    member.setsockopt(
        socket.SOL_SOCKET,
        SO_ATTACH_REUSEPORT_CBPF,
        struct.pack("@HP", count, steps.buffer_info()[0]),
    )


def attachExtended(member: socket.socket, program: int) -> None:
    """
    The same with a program that is loaded already.

    @param program: Its descriptor.
    """
    member.setsockopt(socket.SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF, program)


def detach(member: socket.socket) -> None:
    """
    Have the kernel's hash choose.

    @raise OSError: ENOENT, if it does.
    """
    member.setsockopt(socket.SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, 0)


def lock(member: socket.socket) -> None:
    """
    Let nobody attach a program by this socket any more, whoever has it. The program that
    chooses stays, and others can be attached by the group's other sockets. It cannot be
    undone; and the kernel does not keep anybody from detaching.

    @raise OSError: If the platform knows no such thing.
    """
    member.setsockopt(socket.SOL_SOCKET, SO_LOCK_FILTER, 1)
