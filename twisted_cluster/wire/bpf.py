"""
Extended BPF: maps and programs, by the system call itself.
"""

from __future__ import annotations

import errno
import mmap
import os
import socket
import struct
from array import array
from collections.abc import Mapping

from twisted_cluster.steering.extended import INSTRUCTION
from twisted_cluster.wire.system_call import ofMachine, systemCall

# bpf(2), as asm/unistd.h has it.
CALLS = {
    "x86_64": 321,
    "aarch64": 280,
    "riscv64": 280,
    "ppc64le": 361,
    "s390x": 351,
}
# As linux/bpf.h has them.
MAP_CREATE, MAP_UPDATE, MAP_DELETE, PROG_LOAD, MAP_UPDATE_BATCH = 0, 2, 3, 5, 26
ARRAY, LATEST, MAPS, SOCKETS = 2, 9, 12, 20
MMAPABLE = 1 << 10
CHOOSES_SOCKETS = 21
LICENSE = b"MIT\0"
# What the kernel says where it takes one at a time only: its own ENOTSUPP, or that there
# is no such command.
NOT_AT_ONCE = {524, errno.ENOTSUP, errno.EINVAL}


def _bpf(command: int, attributes: bytes) -> int:
    """
    @raise OSError: EPERM without CAP_BPF; ENOSYS if there is no such call.
    """
    number = ofMachine(CALLS)
    if number is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    asked = array("B", attributes)
    try:
        return systemCall()(number, command, asked.buffer_info()[0], len(asked))
    except ImportError:
        raise OSError(errno.ENOSYS, "this Python has no ctypes") from None


def makeBoard(size: int) -> tuple[int, mmap.mmap]:
    """
    Make memory that a program can reach.

    @return: Its descriptor, and the memory itself, all zero.
    @raise OSError: If that is refused.
    """
    fd = _bpf(MAP_CREATE, struct.pack("=IIIII", ARRAY, 4, size, 1, MMAPABLE))
    try:
        return fd, mmap.mmap(fd, -(-size // mmap.PAGESIZE) * mmap.PAGESIZE)
    except BaseException:
        os.close(fd)
        raise


def makeSockets(most: int) -> int:
    """
    Make a map of sockets, for a program to choose from.

    @return: Its descriptor.
    @raise OSError: If that is refused.
    """
    return _bpf(MAP_CREATE, struct.pack("=IIIII", SOCKETS, 4, 8, most, 0))


def makeMemory(key: int, value: int, most: int) -> int:
    """
    Make a map in which a program can remember things; when it is full it forgets those
    that it has not looked at for long.

    @param key: In bytes.
    @param value: In bytes.
    @return: Its descriptor.
    @raise OSError: If that is refused.
    """
    return _bpf(MAP_CREATE, struct.pack("=IIIII", LATEST, key, value, most, 0))


def makeMaps(like: int, most: int) -> int:
    """
    Make a map of maps, in which a program can find them.

    @param like: The descriptor of one; others are as this.
    @return: Its descriptor.
    @raise OSError: If that is refused.
    """
    return _bpf(MAP_CREATE, struct.pack("=IIIIII", MAPS, 4, 4, most, 0, like))


def putMaps(maps: int, others: Mapping[int, int]) -> None:
    """
    Put some into a map of maps. It takes some milliseconds, until no program can have
    what was there before; one by one, as before Linux 5.16, so much for each.

    @param others: Their descriptors, by index.
    @raise OSError: As L{putSocket}.
    """
    keys, values = array("I", others.keys()), array("I", others.values())
    where = (keys.buffer_info()[0], values.buffer_info()[0])
    asked = struct.pack("=QQQQIIQQ", 0, 0, *where, len(keys), maps, 0, 0)
    try:
        _bpf(MAP_UPDATE_BATCH, asked)
    except OSError as error:
        if error.errno not in NOT_AT_ONCE:
            raise
        for index, other in others.items():
            _put(maps, index, array("I", [other]))


def takeMap(maps: int, index: int) -> None:
    """
    Take one out of a map of maps.

    @raise OSError: As L{putSocket}.
    """
    key = array("I", [index])
    asked = struct.pack("=IxxxxQQQ", maps, key.buffer_info()[0], 0, 0)
    _bpf(MAP_DELETE, asked)


def putSocket(sockets: int, index: int, member: socket.socket) -> None:
    """
    Put one into the map, in the place of any other.

    @param member: Which listens, in a group.
    @raise OSError: If it does not, or is in a map already; EPERM before Linux 6.0 for
        whoever may make no map.
    """
    _put(sockets, index, array("Q", [member.fileno()]))


def _put(map: int, index: int, value: array[int]) -> None:
    key = array("I", [index])
    where = (key.buffer_info()[0], value.buffer_info()[0])
    _bpf(MAP_UPDATE, struct.pack("=IxxxxQQQ", map, *where, 0))


def loadProgram(program: bytes) -> int:
    """
    Have the kernel look at a program, and take it.

    @param program: As L{twisted_cluster.steering.extended.assemble} makes it.
    @return: Its descriptor.
    @raise OSError: If the kernel does not take it.
    """
    steps, license = array("B", program), array("B", LICENSE)
    asked = struct.pack(
        "=IIQQIIQII",
        CHOOSES_SOCKETS,
        len(program) // INSTRUCTION.size,
        steps.buffer_info()[0],
        license.buffer_info()[0],
        0,
        0,
        0,
        0,
        0,
    )
    return _bpf(PROG_LOAD, asked)
