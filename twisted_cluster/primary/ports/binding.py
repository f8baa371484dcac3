"""
Make the socket that a spec asks for, and clean up after it.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import partial

from attrs import evolve, frozen
from twisted.internet.abstract import isIPv6Address
from twisted.logger import Logger

from twisted_cluster.events import TCP, UDP, UNIX, ListenSpec
from twisted_cluster.wire.apart import apart
from twisted_cluster.wire.folder import Folder, returning
from twisted_cluster.wire.socketfile import LockFile, SocketFile, creating
from twisted_cluster.wire.user import User, acting

log = Logger()
FAMILIES = {
    TCP: (socket.AF_INET, socket.AF_INET6),
    UDP: (socket.AF_INET, socket.AF_INET6),
    UNIX: (socket.AF_UNIX,),
}


@frozen
class Bound:
    """
    A bound socket, and what was made with it. Nothing but facts, so that it can be
    written down.

    @ivar file: What is to go with the socket; L{None} if it has no file, or one that is
        not ours.
    @ivar lock: The lock that is held, which bears the number of this process; L{None} if
        there is none.
    @ivar folder: Where both are; L{None} if there is no file.
    @ivar user: As whom all of it was made; L{None} is this process's own.
    """

    spec: ListenSpec
    socket: socket.socket
    file: SocketFile | None = None
    lock: LockFile | None = None
    folder: Folder | None = None
    user: User | None = None

    def release(self) -> None:
        """
        Close the socket, with all that was made for it. What the system refuses is said
        in the log, and the rest is done all the same. If the socket is closed or
        detached, what belongs to it is somebody else's.
        """
        if self.socket.fileno() < 0:
            return
        if self.file is not None:
            # First: while the socket is open no other file can have its inode.
            with _going(self.file.path):
                self.removeFile()
        with _going(str(self.spec)):
            self.socket.close()
        if self.lock is not None:
            with _going(self.lock.path):
                self._remove(self.lock.release)
        if self.folder is not None:
            self.folder.close()

    def removeFile(self) -> None:
        """
        Remove the socket's file, if it has one, so that nobody finds it any more.

        @raise OSError: As unlink(2) says.
        """
        if self.file is not None:
            self._remove(self.file.remove)

    def _remove(self, remove: Callable[[], None]) -> None:
        where = None if self.file is None else self.file.device
        apart(partial(self._undo, remove), where)

    def _undo(self, remove: Callable[[], None]) -> None:
        try:
            with acting(self.user):
                remove()
        except PermissionError:
            if self.user is None:
                raise
            # It may not write in that directory any more, nor has it put anything there
            # instead: what was made there for it is ours to remove.
            remove()


@contextmanager
def _going(what: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        pass
    except Exception as error:
        log.warn("{what} stays behind: {error}", what=what, error=error)


def bind(
    spec: ListenSpec,
    directory: str = ".",
    user: User | None = None,
    inGroup: bool = False,
) -> Bound:
    """
    Bind, and listen where that applies, as the stock ports of Twisted do. Where that
    fails, nothing is left of it.

    @param directory: What a relative path is relative to.
    @param user: As whom: what that one may not do fails, and what is made is its.
    @param inGroup: Whether others may be bound beside it, by the same user.
    @raise OSError: As bind(2) says; EAGAIN if another process has the lock.
    """
    back = returning() if _isMoving(spec, directory) else nullcontext()
    with _refusing(), back, acting(user):
        if spec.kind == UNIX:
            return _bindUNIX(spec, directory, user)
        return _bindInternet(spec, user, inGroup)


def adopt(spec: ListenSpec) -> Bound:
    """
    Listen with a socket that somebody else has made, whatever becomes of the original.

    @param spec: Has an C{fd}.
    @raise OSError: EBADF or ENOTSOCK if that is no socket, EINVAL if it does not listen,
        is not bound, or is of another kind than C{spec}.
    """
    assert spec.fd is not None
    with _refusing():
        if not stat.S_ISSOCK(os.fstat(spec.fd).st_mode):
            raise OSError(errno.ENOTSOCK, os.strerror(errno.ENOTSOCK))
        made = _duplicateOf(spec.fd)
        try:
            if made.family not in FAMILIES[spec.kind] or not _isReady(made, spec.kind):
                why = f"descriptor {spec.fd} is no {spec.kind} port"
                raise OSError(errno.EINVAL, why)
            made.setblocking(False)
        except BaseException:
            made.close()
            raise
    return Bound(spec, made)


@contextmanager
def _refusing() -> Iterator[None]:
    """
    Names that are none, and numbers that are too large, are refused like others.
    """
    try:
        yield
    except (ValueError, OverflowError) as error:
        raise OSError(errno.EINVAL, str(error)) from error


def _bindInternet(spec: ListenSpec, user: User | None, inGroup: bool) -> Bound:
    family = socket.AF_INET6 if isIPv6Address(spec.interface) else socket.AF_INET
    kind = socket.SOCK_DGRAM if spec.kind == UDP else socket.SOCK_STREAM
    made = socket.socket(family, kind)
    try:
        made.setblocking(False)
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
        if inGroup:
            # Only after bind(2): else that would join a stranger's group, where it should
            # fail with EADDRINUSE.
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if spec.kind != UDP:
            made.listen(spec.backlog)
    except BaseException:
        made.close()
        raise
    return Bound(spec, made, user=user)


def _duplicateOf(fd: int) -> socket.socket:
    ours = os.dup(fd)
    try:
        return socket.socket(fileno=ours)
    except BaseException:
        os.close(ours)
        raise


def _isReady(made: socket.socket, kind: str) -> bool:
    if kind == UDP:
        return made.type == socket.SOCK_DGRAM and made.getsockname()[1] != 0
    listens = made.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    return made.type == socket.SOCK_STREAM and bool(listens)


def _bindUNIX(spec: ListenSpec, directory: str, user: User | None) -> Bound:
    if not spec.path or "\0" in spec.path[1:]:
        raise OSError(errno.EINVAL, f"{spec.path!r} is no path for a socket")
    made = Bound(spec, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM), user=user)
    try:
        made.socket.setblocking(False)
        # It means nothing here, but a stock port has it.
        made.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if spec.path.startswith("\0"):
            made.socket.bind(os.fsencode(spec.path))
        else:
            if _isMoving(spec, directory):
                os.chdir(directory)
            folder = _folderOf(spec.path, directory)
            made = evolve(made, folder=folder)
            name = os.path.basename(spec.path)
            if spec.wantPID:
                made = evolve(made, lock=LockFile.take(folder, name))
            made = evolve(made, file=_bindFile(made, folder, name))
        made.socket.listen(spec.backlog)
    except BaseException:
        made.release()
        raise
    return made


def fullPath(path: str, directory: str) -> str:
    """
    Where a path is, from everywhere. An absolute one asks nothing of the directory, which
    may be gone.
    """
    isAbsolute = os.path.isabs(path)
    return path if isAbsolute else os.path.join(os.path.abspath(directory), path)


def _folderOf(path: str, directory: str) -> Folder:
    full = os.path.dirname(fullPath(path, directory))
    return Folder.of(full, os.path.dirname(path) or ".")


def _bindFile(made: Bound, folder: Folder, name: str) -> SocketFile:
    with suppress(FileNotFoundError):
        folder.look(name)
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
    # By its path, and not in the folder: getHost() must say what the application said.
    with creating(made.spec.mode):
        made.socket.bind(os.fsencode(made.spec.path))
    # If the path leads somewhere else by now, there is none here.
    return SocketFile.found(folder, name)


def _isMoving(spec: ListenSpec, directory: str) -> bool:
    """
    Whether a path is relative to another directory than this process's: an absolute one
    may be too long for a socket's name, and is not what the application said.
    """
    isPath = spec.kind == UNIX and not spec.path.startswith(("\0", os.sep))
    return isPath and directory != os.curdir
