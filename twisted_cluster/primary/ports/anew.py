"""
Another socket in the place of one that workers have broken.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from typing import Union

from attrs import evolve

from twisted_cluster.events import UDP, ListenSpec, SocketName
from twisted_cluster.primary.ports.binding import Bound, bind
from twisted_cluster.primary.ports.late import Binding, mayBeLate
from twisted_cluster.wire.apart import LATE, SHORT
from twisted_cluster.wire.user import User, acting

Name = Union[tuple[str, int], tuple[str, int, int, int]]


def bindAnew(old: Bound, name: SocketName | bytes) -> Bound:
    """
    Bind where a socket is bound that workers still have, and that is retired. Afterwards
    it has no file any more, and is closed here.

    @param name: Where it was bound, whatever has become of it.
    @raise OSError: EADDRINUSE if it is in the way: who has it keeps it so. As bind(2)
        says.
    """
    made = _besides(old, name) if isinstance(name, tuple) else _again(old, name)
    old.socket.close()
    return made


def _again(old: Bound, name: str | bytes) -> Bound:
    spec = evolve(old.spec, wantPID=False, fd=None)
    if old.file is None or old.folder is None:
        made = bind(evolve(spec, path=os.fsdecode(name)), user=old.user)
        return evolve(made, spec=old.spec)
    with suppress(FileNotFoundError):
        old.removeFile()
    # What the path was relative to.
    directory = old.file.path[: len(old.file.path) - len(spec.path)] or os.sep
    made = _bindFile(spec, directory, old.user)
    old.folder.close()
    lock = old.lock
    if lock is not None and made.folder is not None:
        lock = evolve(lock, folder=made.folder)
    return evolve(made, spec=old.spec, lock=lock)


def _bindFile(spec: ListenSpec, directory: str, user: User | None) -> Bound:
    try:
        begun = Binding(spec, directory, user) if mayBeLate(spec) else None
    except RuntimeError:
        # No thread can be had.
        begun = None
    if begun is None:
        return bind(spec, directory, user)
    try:
        if not begun.isDone(SHORT):
            raise TimeoutError(LATE)
        return begun.take()
    finally:
        begun.leave()


def _besides(old: Bound, name: Name) -> Bound:
    """
    Bind the same address while another socket, which nobody is to reach any more, still
    has it.
    """
    if old.spec.kind == UDP:
        with acting(old.user):
            return _bindDatagrams(old, name)
    host, port = name[:2]
    spec = evolve(old.spec, interface=host, port=port, fd=None, reuseAddress=True)
    return evolve(bind(spec, user=old.user), spec=old.spec)


def _bindDatagrams(old: Bound, name: Name) -> Bound:
    made = socket.socket(old.socket.family, socket.SOCK_DGRAM)
    try:
        made.setblocking(False)
        if old.spec.ipv6Only:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(name)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
    except BaseException:
        made.close()
        raise
    return Bound(old.spec, made, user=old.user)
