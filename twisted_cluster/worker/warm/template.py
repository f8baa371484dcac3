"""
A template: it has imported what every worker needs, and forks one whenever it is asked.

It makes no reactor, starts no thread, and never sees the application. All signals are
blocked in it: what is sent to the whole group is for the primary, and for workers. It
ends with its primary.
"""

from __future__ import annotations

import errno
import gc
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress

from twisted_cluster.wire.libc import prctl
from twisted_cluster.wire.order import (
    ANSWER,
    KEPT,
    LONGEST,
    MOST_DESCRIPTORS,
    PLACE,
    READY,
    TEXT,
    VARIABLE,
)
from twisted_cluster.worker.warm.becoming import Birth, become
from twisted_cluster.worker.warm.preloading import preload

# As <linux/prctl.h> has it.
_SET_DEATH_SIGNAL = 1
# As ps(1) shows it, where workers have the interpreter's.
NAME = "cluster-templat"
COMM = "/proc/self/comm"


def main() -> Callable[[], None]:
    """
    Fork workers for as long as there is a primary.

    @return: In each of these, what it is to run.
    """
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    with suppress(OSError, ImportError):
        # Also who imports something for ever ends so, or who is stopped. What it forks
        # has nothing of it.
        prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)
    number, main, warm = os.environ.pop(VARIABLE).split()
    orders = socket.socket(fileno=int(number))
    orders.set_inheritable(False)
    own = _rename(NAME)
    unfit, changes = preload(main, sys.argv[1:], warm, {0, 1, 2, int(number)})
    orders.send(unfit.encode("utf-8", "backslashreplace")[:LONGEST] or READY)
    if unfit:
        os._exit(1)
    # It is rubbish never, and looked at never: pages that nobody writes to are shared.
    gc.collect()
    gc.freeze()
    while True:
        said, fds, _, _ = socket.recv_fds(orders, LONGEST, MOST_DESCRIPTORS)
        if not said:
            os._exit(0)
        adopted = _serve(fds)
        if adopted is not None:
            orders.close()
            _rename(own)
            text, answer, place = fds[TEXT], fds[ANSWER], fds[PLACE]
            given = fds[KEPT:]
            return become(Birth(text, answer, place, given, adopted, blocked, changes))


def _serve(fds: list[int]) -> int | None:
    """
    @return: In a worker the end of a pipe, which closes when that is the primary's child;
        else L{None}.
    """
    try:
        adopted = _fork()
        if adopted is not None:
            return adopted
    except OSError as error:
        with suppress(OSError, IndexError):
            os.write(fds[ANSWER], f"it cannot fork: {error.strerror}".encode())
    for fd in fds:
        os.close(fd)
    return None


def _fork() -> int | None:
    """
    Fork twice: whose parent has ended is given to the primary, which has asked for that.

    @return: As L{_serve}.
    @raise OSError: If the system has no room for one more process.
    """
    adopted, orphaned = os.pipe()
    try:
        parent = os.fork()
        if not parent:
            if _forkAgain():
                os._exit(0)
            return adopted
        failed = os.waitpid(parent, 0)[1]
    except OSError:
        os.close(adopted)
        raise
    finally:
        os.close(orphaned)
    os.close(adopted)
    if failed:
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    return None


def _forkAgain() -> int:
    try:
        return os.fork()
    except BaseException:
        os._exit(1)


def _rename(name: str) -> str:
    """
    @return: What it was called before.
    """
    with suppress(OSError), open(COMM, "r+") as file:
        before = file.read().strip()
        file.write(name)
        return before
    return name
