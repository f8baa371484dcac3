"""
Make the socket that a spec asks for, and clean up after it.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from attrs import frozen
from twisted.internet.abstract import isIPv6Address
from twisted.python.lockfile import FilesystemLock

from twisted_cluster.events import TCP, UDP, UNIX, ListenSpec

FAMILIES = {
    TCP: (socket.AF_INET, socket.AF_INET6),
    UDP: (socket.AF_INET, socket.AF_INET6),
    UNIX: (socket.AF_UNIX,),
}


@frozen
class Bound:
    """
    A bound socket, and how to undo what was done for it.
    """

    socket: socket.socket
    release: Callable[[], None]


def bind(spec: ListenSpec, directory: str = ".") -> Bound:
    """
    Bind, and listen where that applies, as the stock ports of Twisted do.

    @param directory: What a relative path is relative to.
    @raise OSError: As bind(2) says.
    """
    made = _bindUNIX(spec, directory) if spec.kind == UNIX else _bindInternet(spec)
    made.socket.setblocking(False)
    return made


def _bindInternet(spec: ListenSpec) -> Bound:
    family = socket.AF_INET6 if isIPv6Address(spec.interface) else socket.AF_INET
    kind = socket.SOCK_DGRAM if spec.kind == UDP else socket.SOCK_STREAM
    made = socket.socket(family, kind)
    try:
        if spec.kind != UDP and spec.reuseAddress:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if spec.reusePort:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if spec.ipv6Only:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        # getaddrinfo turns a scope, as in fe80::1%eth0, into a number.
        found = socket.getaddrinfo(
            spec.interface or "0.0.0.0", spec.port, family, kind, 0, socket.AI_NUMERICHOST
        )
        made.bind(found[0][4])
        if spec.kind != UDP:
            made.listen(spec.backlog)
    except BaseException:
        made.close()
        raise
    return Bound(made, made.close)


def adopt(spec: ListenSpec) -> Bound:
    """
    Listen with a socket that somebody else has made, whatever becomes of the original.

    @param spec: Has an C{fd}.
    @raise OSError: EBADF or ENOTSOCK if that is no socket, EINVAL if it does not listen,
        is not bound, or is of another kind than C{spec}.
    """
    assert spec.fd is not None
    if not stat.S_ISSOCK(os.fstat(spec.fd).st_mode):
        raise OSError(errno.ENOTSOCK, os.strerror(errno.ENOTSOCK))
    made = socket.socket(fileno=os.dup(spec.fd))
    if made.family not in FAMILIES[spec.kind] or not _isReady(made, spec.kind):
        made.close()
        raise OSError(errno.EINVAL, f"descriptor {spec.fd} is no {spec.kind} port")
    made.setblocking(False)
    return Bound(made, made.close)


def _isReady(made: socket.socket, kind: str) -> bool:
    if kind == UDP:
        return made.type == socket.SOCK_DGRAM and made.getsockname()[1] != 0
    listens = made.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    return made.type == socket.SOCK_STREAM and bool(listens)


@contextmanager
def _inside(directory: str) -> Iterator[None]:
    before = os.open(".", os.O_RDONLY)
    os.chdir(directory)
    try:
        yield
    finally:
        os.fchdir(before)
        os.close(before)


def _lock(path: str) -> FilesystemLock:
    lock = FilesystemLock(path + ".lock")
    if not lock.lock():
        raise OSError(11, "Cannot acquire lock")
    if not lock.clean and os.path.exists(path) and stat.S_ISSOCK(os.stat(path).st_mode):
        os.remove(path)
    return lock


def _bindUNIX(spec: ListenSpec, directory: str) -> Bound:
    inFilesystem = not spec.path.startswith("\0")
    full = os.path.join(os.path.abspath(directory), spec.path)
    lock = _lock(full) if spec.wantPID and inFilesystem else None
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    bound = False
    try:
        if "\0" in spec.path[1:]:
            raise OSError(errno.EINVAL, "a path with NUL")
        # Relative to the worker's directory: an absolute path may be too long for
        # a socket's name, and getHost() must say what the application said.
        with _inside(directory):
            made.bind(os.fsencode(spec.path))
            bound = inFilesystem
            if inFilesystem:
                os.chmod(spec.path, spec.mode)
        made.listen(spec.backlog)
    except BaseException:
        made.close()
        if bound:
            os.unlink(full)
        if lock is not None:
            lock.unlock()
        raise

    def release() -> None:
        made.close()
        if inFilesystem and os.path.exists(full):
            os.unlink(full)
        if lock is not None:
            lock.unlock()

    return Bound(made, release)
