"""
Children of this process that it has not forked itself.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache

from twisted.internet import process

from twisted_cluster.wire.libc import prctl

# As <linux/prctl.h> has them.
_SET_CHILD_SUBREAPER, _GET_CHILD_SUBREAPER = 36, 37
# Those of the thread that has all that are given to this process.
_CHILDREN = "/proc/{0}/task/{0}/children"


@cache
def whyCannotAdopt() -> str:
    """
    @return: Why this process cannot have the children of others; C{""}: it can.
    """
    try:
        _isReaper()
    except (OSError, ImportError) as error:
        return str(error)
    return ""


@contextmanager
def adopting() -> Iterator[set[int]]:
    """
    While the block lasts the children of a descendant that ends become this process's.
    That is for no longer than it must be: a daemon that an application starts is init's,
    as ever. One that is born in just that moment is reaped when it ends.

    @return: To be told which of the new ones somebody else reaps.
    @raise OSError: If the system cannot do it.
    @raise ImportError: If this Python cannot ask for it.
    @see: prctl(2), PR_SET_CHILD_SUBREAPER: Linux has it from 3.4 on.
    """
    known: set[int] = set()
    wasReaper = _isReaper()
    before = _children()
    prctl(_SET_CHILD_SUBREAPER, 1)
    try:
        yield known
    finally:
        prctl(_SET_CHILD_SUBREAPER, wasReaper)
        for pid in _children() - before - known:
            process.registerReapProcessHandler(pid, _Stranger(pid))


def _isReaper() -> int:
    # Who has no template does not need it.
    import ctypes

    isReaper = ctypes.c_int()
    prctl(_GET_CHILD_SUBREAPER, ctypes.addressof(isReaper))
    return isReaper.value


def isNew(pid: int) -> bool:
    """
    Whether a process is this one's child, dead or alive, of which nobody here knows.
    """
    with suppress(OSError):
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        return pid not in process.reapProcessHandlers
    return False


def endHolders(inode: int, parent: int) -> None:
    """
    End whoever has a certain socket, of the children of a process, their children, and
    those of this process of which nobody here knows: also who is stopped, and could not
    see that it is not wanted.
    """
    first = _children(parent)
    found = first.union(*map(_children, first), _children())
    for pid in found - {*process.reapProcessHandlers}:
        with suppress(OSError):
            if f"socket:[{inode}]" in _openIn(pid):
                os.kill(pid, signal.SIGKILL)


def _openIn(pid: int) -> Iterator[str]:
    # What they are called: to look at one may take for ever.
    where = f"/proc/{pid}/fd"
    for number in os.listdir(where):
        with suppress(OSError):
            yield os.readlink(f"{where}/{number}")


class _Stranger(process._BaseProcess):
    """
    Reaped, and no more.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def processEnded(self, status: int) -> None:
        """
        Nobody waits for that.
        """


def _children(pid: int | None = None) -> set[int]:
    pid = pid or os.getpid()
    with suppress(OSError), open(_CHILDREN.format(pid)) as file:
        return set(map(int, file.read().split()))
    return set()
