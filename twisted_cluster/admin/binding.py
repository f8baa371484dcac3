"""
Bind a control socket, and clean up after it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress

from attrs import frozen
from twisted.logger import Logger

from twisted_cluster.admin.peers import peerOf
from twisted_cluster.admin.spec import ControlSpec
from twisted_cluster.controlpath import (
    directories,
    isOwnDirectory,
    nameFor,
    pidOf,
    socketsIn,
    whyNot,
)
from twisted_cluster.errors import ControlTakenError
from twisted_cluster.wire.folder import Folder
from twisted_cluster.wire.identity import setUid
from twisted_cluster.wire.socketfile import SocketFile, creating

log = Logger()

# Its owner alone.
MODE = 0o600
# Who has the lock of the directory binds a socket in it: that takes a millisecond.
LOCKED = 1.0
BACKLOG = 128


@frozen
class ControlFile:
    """
    A bound control socket.
    """

    socket: socket.socket
    file: SocketFile

    @property
    def path(self) -> str:
        """
        Where it is.
        """
        return self.file.path

    def release(self) -> None:
        """
        Close the socket, and remove its file.
        """
        # First: while the socket is open no other file can have its inode.
        try:
            self.file.remove()
        except FileNotFoundError:
            pass
        except OSError as error:
            # Who has shed privileges may not. The next to start takes it over.
            log.debug("{path} stays behind: {error}", path=self.path, error=error)
        self.file.folder.close()
        self.socket.close()


def bindControl(
    spec: ControlSpec, environment: Mapping[str, str], pid: int
) -> ControlFile:
    """
    Bind it, and listen. A socket that nobody listens on is taken over.

    @raise ControlTakenError: If another process listens there.
    @raise OSError: If it cannot be bound.
    """
    if spec.path:
        return _bindAt(spec.path, spec.owner)
    directory = _directoryFor(environment)
    pidfile = os.path.abspath(spec.pidfile) if spec.pidfile else ""
    path = os.path.join(directory, nameFor(pidfile, pid))
    return _bindAt(path, spec.owner, sweep=not pidfile)


def _directoryFor(environment: Mapping[str, str]) -> str:
    uid = os.getuid()
    candidates = list(directories(environment, uid))
    for path in candidates[:-1]:
        if os.access(path, os.W_OK | os.X_OK, effective_ids=_CAN_BE_EFFECTIVE):
            return path
    own = candidates[-1]
    with suppress(FileExistsError):
        os.mkdir(own, 0o700)
    if not isOwnDirectory(own, uid):
        # In a directory where everybody may write somebody else may have put it there.
        raise OSError(errno.EPERM, "it is not this user's alone", own)
    return own


_CAN_BE_EFFECTIVE = os.access in os.supports_effective_ids


def _bindAt(path: str, owner: int | None, sweep: bool = False) -> ControlFile:
    why = whyNot(path)
    if why is not None:
        raise OSError(errno.ENAMETOOLONG, why, path)
    where, name = os.path.split(path)
    with ExitStack() as undo:
        folder = Folder.of(where, where)
        undo.callback(folder.close)
        made = undo.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        made.setblocking(False)
        with _alone(where):
            if sweep:
                _removeDead(where)
            _makeRoom(path)
            _bindAs(made, path, folder, owner)
            made.listen(BACKLOG)
        bound = ControlFile(made, SocketFile.found(folder, name))
        undo.pop_all()
    return bound


@contextmanager
def _alone(directory: str) -> Iterator[None]:
    """
    Of two that find a dead socket at the same time one is to take it over. Where the
    directory cannot be locked they do without.
    """
    try:
        fd = os.open(directory, os.O_RDONLY)
    except PermissionError:
        yield
        return
    try:
        _lock(fd)
        yield
    finally:
        os.close(fd)


def _lock(fd: int) -> None:
    deadline = time.monotonic() + LOCKED
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return
            time.sleep(0.01)
        except OSError:
            return
        else:
            return


def _makeRoom(path: str) -> None:
    """
    @raise ControlTakenError: If somebody listens at a path.
    @raise OSError: If something else is there.
    """
    try:
        there = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(there.st_mode):
        raise OSError(errno.EEXIST, "it is there, and is no socket", path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
            return
        except FileNotFoundError:
            return
        except BlockingIOError:
            # So many wait there that there is no room for one more.
            raise ControlTakenError(path, None) from None
        peer = peerOf(probe)
        raise ControlTakenError(path, None if peer is None else peer.pid)


def _removeDead(directory: str) -> None:
    """
    Remove the sockets that were called after processes which are gone.
    """
    for path in socketsIn(directory):
        pid = pidOf(os.path.basename(path))
        if pid is None or _isThere(pid):
            continue
        with suppress(OSError, ControlTakenError):
            _makeRoom(path)


def _isThere(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


def _bindAs(made: socket.socket, path: str, folder: Folder, owner: int | None) -> None:
    """
    Bind so that the file is the owner's.
    """
    before = os.geteuid()
    if owner is None or before != 0 or owner == before:
        with creating(MODE):
            made.bind(path)
        return
    setUid(owner)
    try:
        with creating(MODE):
            made.bind(path)
        return
    except PermissionError:
        pass
    finally:
        setUid(before)
    # It may not write there, and so cannot have put another file in place of this one.
    with creating(MODE):
        made.bind(path)
    folder.give(os.path.basename(path), owner)
