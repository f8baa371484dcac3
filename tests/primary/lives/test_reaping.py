"""
Orphans of process 1.
"""

from __future__ import annotations

import subprocess
import sys

from tests.process.cluster import environment

PROGRAM = """
import os, time
from twisted.internet import process
from twisted_cluster.primary.lives.reaping import MOST_REAPED, reapStrangers

def orphan():
    pid = os.fork()
    if not pid:
        os._exit(0)
    # It has ended, and is not reaped.
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    return pid

def count():
    path = f"/proc/{os.getpid()}/task/{os.getpid()}/children"
    return len(open(path).read().split())

reapStrangers()
for _ in range(MOST_REAPED + 3):
    orphan()
reapStrangers()
print(count())
reapStrangers()
print(count())
process.reapProcessHandlers[orphan()] = None
reapStrangers()
print(count())
"""


def test_strangersAreReapedAndTwistedsChildrenAreNot() -> None:
    """
    A bounded number at a time; what Twisted has started is left to it.
    """
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.stdout.split() == ["3", "0", "1"], done.stderr
