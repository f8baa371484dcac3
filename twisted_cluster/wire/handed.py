"""
One connection on its way to a worker, and the record that says what it is.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable
from typing import Any, NamedTuple

from twisted_cluster.events import SocketName

VERSION = 2
# Flags: the connection counts against what the worker is willing to take; another worker
# has had it, or has seen it in its queue, and may have it still; it is none, but a file
# with datagrams.
METERED = 1
SEEN = 2
RELAYED = 4
# A worker's connections are numbered so far, and then from 0 again.
LARGEST_NONCE = (1 << 32) - 1

# Version, family, flags, bounces, port, listener, scope, tally, host, nonce; 2 bytes are
# free.
RECORD = struct.Struct("<BBBBH2xIII16sI")
_pack = RECORD.pack
# A tuple's own, without the call in between that a named one makes: 0.1 us.
_new: Any = tuple.__new__
_AF_INET, _AF_INET6 = int(socket.AF_INET), int(socket.AF_INET6)
_inet_aton, _inet_ntoa = socket.inet_aton, socket.inet_ntoa
_inet_pton, _inet_ntop = socket.inet_pton, socket.inet_ntop
_NOWHERE = bytes(16)
# The same bytes, as what most records are read: the first four in one number, and an IPv4
# address in one; what is 0 in these is left out.
_PLAIN = struct.Struct("<IH2xI4xII12xI")
_PLAIN_KIND = int.from_bytes((VERSION, _AF_INET, 0, 0), "little")
# How many addresses are remembered as text.
MOST_HOSTS = 4096
_hosts: dict[int, str] = {}


class Handed(NamedTuple):
    """
    One connection on its way; who has it must close C{fd}.

    @ivar listener: The listener's number.
    @ivar name: The peer, as C{accept} gave it.
    @ivar bounces: How many workers have sent the connection back.
    @ivar tally: Where its end is to be counted, besides.
    @ivar flags: Of L{METERED}, L{SEEN} and L{RELAYED}.
    @ivar nonce: Which of those it is that the worker was handed: it says so when it
        sends the connection back.
    """

    fd: int
    listener: int
    name: SocketName
    bounces: int = 0
    tally: int = 0
    flags: int = 0
    nonce: int = 0


def packRecord(
    listener: int,
    name: SocketName,
    bounces: int = 0,
    tally: int = 0,
    flags: int = 0,
    nonce: int = 0,
) -> bytes:
    """
    @see: L{Handed}
    """
    family, port, scope, host = 0, 0, 0, _NOWHERE
    if isinstance(name, tuple) and len(name) == 2:
        family, port, host = _AF_INET, name[1], _inet_aton(name[0])
    elif isinstance(name, tuple):
        text, port, _, scope = name
        family, host = _AF_INET6, _inet_pton(_AF_INET6, text.partition("%")[0])
    return _pack(
        VERSION, family, flags, bounces, port, listener, scope, tally, host, nonce
    )


def unpackAll(data: bytes, fds: Iterable[int]) -> list[Handed]:
    """
    @param data: Whole records.
    @param fds: The connections' descriptors.
    """
    connections = []
    place = 0
    for fd, (kind, port, listener, tally, address, nonce) in zip(
        fds, _PLAIN.iter_unpack(data)
    ):
        if kind == _PLAIN_KIND:
            host = _hosts.get(address) or _hostOf(address)
            one = _new(Handed, (fd, listener, (host, port), 0, tally, 0, nonce))
        else:
            one = _unpack(data, place, fd)
        connections.append(one)
        place += RECORD.size
    return connections


def _hostOf(address: int) -> str:
    """
    @return: What C{inet_ntoa} says, for most clients come again.
    """
    if len(_hosts) >= MOST_HOSTS:
        _hosts.clear()
    host = _hosts[address] = _inet_ntoa(address.to_bytes(4, "little"))
    return host


def _unpack(data: bytes, place: int, fd: int) -> Handed:
    """
    @param place: Where its record begins.
    """
    unpacked = RECORD.unpack_from(data, place)
    _, family, flags, bounces, port, listener, scope, tally, host, nonce = unpacked
    name: SocketName = ""
    if family == _AF_INET:
        name = (_inet_ntoa(host[:4]), port)
    elif family == _AF_INET6:
        name = (_inet_ntop(_AF_INET6, host), port, 0, scope)
    return Handed(fd, listener, name, bounces, tally, flags, nonce)


def recordIn(data: bytes, place: int) -> Handed:
    """
    @param data: Some records.
    @param place: Which of them, from 0.
    @return: What it says; its C{fd} is -1.
    """
    start = place * RECORD.size
    return unpackAll(data[start : start + RECORD.size], (-1,))[0]


def countIn(data: bytes) -> int:
    """
    @return: How many records that are.
    """
    return len(data) // RECORD.size
