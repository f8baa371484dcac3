"""
What is asked of a file system: it answers when whoever serves it likes, which may be the
process that has named the file (FUSE), or never (a server that is gone).

It is done by a thread with a current directory and a umask of its own, which nobody waits
for longer than is worth it. Where the system has no such threads it is done at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Hashable
from functools import cache, partial
from typing import TypeVar

from twisted_cluster.wire.aside import Aside
from twisted_cluster.wire.identity import isOwn
from twisted_cluster.wire.libc import checked, library

T = TypeVar("T")

# unshare(2): what a thread has of its own.
CLONE_FS = 0x200
# Seconds that are waited where an answer is late but hardly ever missing.
SHORT = 0.05
LATE = "its file system does not answer"
# So many threads wait for one that does not answer at all; where one does, this process
# does not.
MOST = 16
_late: dict[Hashable, list[Aside[None]]] = {}


@cache
def isPossible() -> bool:
    """
    Whether threads may have that.
    """
    if sys.platform != "linux" or not isOwn():
        return False
    trial = Aside(_leaveOthers)
    try:
        return trial.isDone(1.0) and trial.result() is None
    except (OSError, AttributeError, ImportError):
        return False


def begin(work: Callable[[], T]) -> Aside[T]:
    """
    @param work: What is to be done; must let other threads run whatever it waits for.
    @raise RuntimeError: If the system has no thread to spare.
    """
    return Aside(partial(_apart, work))


def apart(work: Callable[[], None], where: Hashable, patience: float = SHORT) -> None:
    """
    Do something, and wait for it a moment.

    @param where: What is late if this is, such as a file system.
    @param patience: Seconds; it goes on by itself after that.
    @raise TimeoutError: If it is not done by then.
    """
    if not isPossible():
        work()
        return
    late = _lateAt(where)
    if len(late) >= MOST:
        raise TimeoutError(LATE)
    try:
        call = begin(work)
    except RuntimeError:
        # No thread can be had.
        work()
        return
    if not call.isDone(0.0 if late else patience):
        late.append(call)
        raise TimeoutError(LATE)
    call.result()


def _lateAt(where: Hashable) -> list[Aside[None]]:
    for place, calls in list(_late.items()):
        _late[place] = [call for call in calls if not call.isDone()]
        if not _late[place]:
            del _late[place]
    return _late.setdefault(where, [])


def _apart(work: Callable[[], T]) -> T:
    _leaveOthers()
    return work()


def _leaveOthers() -> None:
    if hasattr(os, "unshare"):
        os.unshare(CLONE_FS)
    else:
        checked(library().unshare(CLONE_FS))
