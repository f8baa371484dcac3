"""
Twisted's log files, taught to share a path with other processes.

Stock ones write where they believe the end of the file to be, count their bytes
themselves, and rotate on their own: beside another process with the same file each of
these loses lines.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial, wraps
from typing import BinaryIO, cast

from twisted.python.logfile import BaseLogFile, LogFile
from twisted.python.threadable import synchronize

from twisted_cluster.logturns import SharedLogFile, turnOf
from twisted_cluster.wire.keeper import keeperOf, mayWriteIn, openRegular
from twisted_cluster.wire.user import acting

# Seconds in which several processes that are all told to rotate a file rotate it once.
MOMENT = 5.0
Rotation = Callable[[SharedLogFile], None]


def shareLogFiles() -> None:
    """
    From now on each L{BaseLogFile} of this process, those that are open included, loses
    nothing that others write: it appends, its size is the real one, it is rotated by one
    process at a time, and who rotates is followed by the others with their next line.
    """
    if hasattr(BaseLogFile, "isRotating"):
        return
    for name, value in _CHANGED.items():
        setattr(BaseLogFile, name, value)
    for name, value in _CHANGED_OF_SIZED.items():
        setattr(LogFile, name, value)
    for kind in _subclasses(BaseLogFile):
        _guard(kind)


def appendTo(number: int) -> None:
    """
    From now on what is written goes to the end of the file, wherever that is by then.

    @param number: The open file's.
    """
    flags = fcntl.fcntl(number, fcntl.F_GETFL)
    fcntl.fcntl(number, fcntl.F_SETFL, flags | os.O_APPEND)


def _subclasses(base: type) -> Iterator[type]:
    kinds: list[type] = type.__subclasses__(base)
    for kind in kinds:
        yield kind
        yield from _subclasses(kind)


def _guard(kind: type) -> None:
    """
    Let a class rotate, in its own way, only what nobody else does.
    """
    rotate: Rotation | None = getattr(kind, "rotate", None)
    if rotate is not None and not hasattr(rotate, "isGuarded"):
        type.__setattr__(kind, "rotate", _synchronized(_rotatingAlone(rotate)))


def _synchronized(rotate: Rotation) -> Rotation:
    """
    @return: The same, under the lock under which Twisted's log files are written.
    """
    made = type("Synchronized", (), {"synchronized": ["rotate"], "rotate": rotate})
    synchronize(made)
    locked: Rotation = vars(made)["rotate"]
    return locked


def _openFile(log: SharedLogFile) -> None:
    log.closed = False
    mode = 0o666 if log.defaultMode is None else log.defaultMode
    opener = partial(openRegular if log.isTheirs else os.open, mode=mode)
    log._file = cast(BinaryIO, open(log.path, "ab+", 0, opener=opener))
    if log.defaultMode is not None:
        try:
            os.fchmod(log._file.fileno(), log.defaultMode)
        except OSError:
            # Another user's, or a device.
            pass


def _openSized(log: SharedLogFile) -> None:
    _openFile(log)
    # Not where it stands, which a pipe cannot say.
    log.size = os.fstat(log._file.fileno()).st_size


def _write(log: SharedLogFile, data: str | bytes) -> None:
    _follow(log)
    if log.shouldRotate():
        log.flush()
        log.rotate()
    log._file.write(data.encode("utf8") if isinstance(data, str) else data)


def _follow(log: SharedLogFile) -> None:
    """
    Open what is at the path now, if that is another file than the one that is open. If
    there is none (somebody has moved it, or is about to rotate) the open one will do.
    """
    # For each line, so that every microsecond counts.
    if log.shared is not log._file:
        _share(log)
    try:
        there = os.stat(log.path)
    except OSError:
        return
    if (there.st_dev, there.st_ino) != log.identity:
        # Renaming it has changed the file, too.
        log.rotatedAt = os.fstat(log._file.fileno()).st_ctime
        _reopen(log)
    elif "size" in log.__dict__:
        log.size = there.st_size


def _share(log: SharedLogFile) -> None:
    """
    Know what is open. If it was opened before, or by a subclass in its own way, it
    appends from now on.
    """
    number = log._file.fileno()
    appendTo(number)
    here = os.fstat(number)
    log.shared, log.identity = log._file, (here.st_dev, here.st_ino)
    log.refusedSince = None


def _reopen(log: SharedLogFile) -> None:
    """
    Open the path again, as who may have put there what there is: a link of another user's
    leads root nowhere. What is open stays so if that fails.
    """
    before = log._file
    try:
        with _asItsKeeper(log):
            log._openFile()
    except OSError:
        log._file = before
    else:
        before.close()
        _share(log)


def _rotatingAlone(rotate: Rotation) -> Rotation:
    """
    @param rotate: How a class rotates.
    @return: The same, when it is to be done by this process.
    """

    @wraps(rotate)
    def rotateAlone(log: SharedLogFile) -> None:
        if log.isRotating:
            rotate(log)
            return
        _follow(log)
        if abs(time.time() - log.rotatedAt) < MOMENT and not log.shouldRotate():
            return
        with turnOf(log) as held:
            if held is not None:
                _rotateAsKeeper(log, rotate, held)

    vars(rotateAlone)["isGuarded"] = True
    return rotateAlone


def _rotateAsKeeper(log: SharedLogFile, rotate: Rotation, held: int) -> None:
    """
    Where another user keeps the directory root rotates as that user, if at all; what that
    one keeps it from goes on in the open file.
    """
    isTheirs = True
    try:
        with _asItsKeeper(log):
            isTheirs = log.isTheirs
            if not isTheirs or mayWriteIn(os.path.dirname(os.path.abspath(log.path))):
                rotate(log)
    except OSError:
        if not isTheirs:
            raise
        if log._file.closed:
            log._file, log.closed = cast(BinaryIO, open(os.dup(held), "ab+", 0)), False


@contextmanager
def _asItsKeeper(log: SharedLogFile) -> Iterator[None]:
    """
    What is opened meanwhile is opened as who may have put it there.

    @raise OSError: If that may be anybody.
    """
    keeper = keeperOf(log.path)
    log.isTheirs = keeper is not None
    try:
        with acting(keeper):
            yield
    finally:
        log.isTheirs = False


_CHANGED: Mapping[str, object] = {
    "shared": None,
    "rotatedAt": 0.0,
    "isRotating": False,
    "isTheirs": False,
    "refusedSince": None,
    "_openFile": _openFile,
    "write": _write,
    "__init_subclass__": classmethod(_guard),
}
_CHANGED_OF_SIZED: Mapping[str, object] = {"_openFile": _openSized}
