"""
What is open in this process.
"""

from __future__ import annotations

import os
import threading


def openNow() -> list[str]:
    """
    The numbers that are open, and the one of this look at them, once all is closed that
    another process may have had a hand in.
    """
    for thread in threading.enumerate():
        if thread.name == "closing":
            thread.join(10.0)
    return os.listdir("/proc/self/fd")
