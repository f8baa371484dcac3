"""
What process 1 of a container owes to orphans.
"""

from __future__ import annotations

import os

from twisted.internet import process

# In one turn: each takes some 10 us, and the next look is a second later.
MOST_REAPED = 64


def reapStrangers() -> None:
    """
    Reap children that nobody here spawned: orphans are given to process 1.

    @see: waitid(2), WNOWAIT: it looks without reaping, so that Twisted's own
        children stay Twisted's.
    """
    for _ in range(MOST_REAPED):
        try:
            found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if found is None or found.si_pid in process.reapProcessHandlers:
            return
        os.waitpid(found.si_pid, os.WNOHANG)
