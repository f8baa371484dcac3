"""
Packets that no client sends.
"""

from __future__ import annotations

import socket
import struct
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

SO_ATTACH_FILTER = 26
# RET 0: nothing gets through.
NOTHING = array("B", struct.pack("=HBBI", 6, 0, 0, 0))


@cache
def maySend() -> bool:
    try:
        socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW).close()
    except PermissionError:
        return False
    return True


@contextmanager
def deafPort() -> Iterator[int]:
    """
    A port that answers nothing, on any address: so who is said to come from there never
    answers, and never says that it has not come.
    """
    with socket.create_server(("0.0.0.0", 0)) as deaf:
        nothing = struct.pack("@HP", 1, NOTHING.buffer_info()[0])
        deaf.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, nothing)
        yield deaf.getsockname()[1]


def sendSYNs(to: tuple[str, int], sources: range, port: int) -> None:
    """
    Begin connections in the names of others.

    @param sources: Which of 127.1.0.0/16.
    @param port: Theirs.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        for number in sources:
            source = socket.inet_aton(f"127.1.{number >> 8}.{number & 255}")
            raw.sendto(_syn(source, port, to), to)


def _syn(source: bytes, port: int, to: tuple[str, int]) -> bytes:
    target = socket.inet_aton(to[0])
    network = struct.pack("!BBHHHBBH", 0x45, 0, 40, 0, 0, 64, 6, 0) + source + target
    fields = (port, to[1], 1000, 0, 0x50, 0x02, 65535)
    bare = struct.pack("!HHIIBBHHH", *fields, 0, 0)
    pseudo = source + target + struct.pack("!BBH", 0, 6, len(bare))
    return network + struct.pack("!HHIIBBHHH", *fields, _checksum(pseudo + bare), 0)


def _checksum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF
