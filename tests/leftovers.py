"""
What is open in this process.
"""

from __future__ import annotations

import os

from tests.process.cluster import eventually
from twisted_cluster.wire import closing


def openNow() -> list[str]:
    """
    The numbers that are open, and the one of this look at them, once all is closed that
    another process may have had a hand in.
    """
    eventually(lambda: isIdle(closing._closer), "all is closed")
    return os.listdir("/proc/self/fd")


def isIdle(closer: closing.Closer) -> bool:
    """
    Whether none of its threads is there any more.
    """
    return not closer._threads
