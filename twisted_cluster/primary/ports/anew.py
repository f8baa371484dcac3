"""
Another socket in the place of one that workers have broken.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Union

from attrs import evolve

from twisted_cluster.events import UDP, SocketName
from twisted_cluster.primary.ports.binding import Bound, bind
from twisted_cluster.wire.socketfile import SocketFile

Name = Union[tuple[str, int], tuple[str, int, int, int]]


def bindAnew(old: Bound, name: SocketName | bytes) -> Bound:
    """
    Bind where a socket is bound that workers still have. Afterwards the old one has no
    file any more, and is closed here.

    @param name: Where it was bound, whatever has become of it.
    @raise OSError: EADDRINUSE if it is in the way: who has it keeps it so. As bind(2)
        says.
    """
    with suppress(OSError):
        # Nothing comes in by it any more, and nobody waits for that.
        old.socket.shutdown(socket.SHUT_RDWR)
    made = _besides(old, name) if isinstance(name, tuple) else _again(old, name)
    old.socket.close()
    return made


def _again(old: Bound, name: str | bytes) -> Bound:
    spec = evolve(old.spec, wantPID=False, fd=None)
    if old.file is None:
        made = bind(evolve(spec, path=os.fsdecode(name)))
    else:
        with suppress(FileNotFoundError):
            old.file.remove()
        made = bind(spec, _directoryOf(old.file, spec.path))
    return evolve(made, spec=old.spec, lock=old.lock)


def _directoryOf(file: SocketFile, path: str) -> str:
    """
    What a path was relative to.
    """
    return file.path[: len(file.path) - len(path)] or "/"


def _besides(old: Bound, name: Name) -> Bound:
    """
    Bind the same address while another socket, which nobody is to reach any more, still
    has it.
    """
    spec = evolve(old.spec, interface=name[0], port=name[1], fd=None, reuseAddress=True)
    with _shared(old.socket):
        if spec.kind != UDP:
            return evolve(bind(spec), spec=old.spec)
        return evolve(_bindDatagrams(old, name), spec=old.spec)


def _bindDatagrams(old: Bound, name: Name) -> Bound:
    made = socket.socket(old.socket.family, socket.SOCK_DGRAM)
    try:
        made.setblocking(False)
        if made.family == socket.AF_INET6:
            which = socket.IPPROTO_IPV6, socket.IPV6_V6ONLY
            made.setsockopt(*which, old.socket.getsockopt(*which))
        with _shared(made):
            made.bind(name)
    except BaseException:
        made.close()
        raise
    return Bound(old.spec, made)


@contextmanager
def _shared(bound: socket.socket) -> Iterator[None]:
    """
    Another one may be bound to the same address meanwhile.
    """
    which = socket.SOL_SOCKET, socket.SO_REUSEADDR
    before = bound.getsockopt(*which)
    bound.setsockopt(*which, 1)
    try:
        yield
    finally:
        bound.setsockopt(*which, before)
