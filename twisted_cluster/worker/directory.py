"""
Where this worker is, which may be nowhere.
"""

from __future__ import annotations

import os
import sys


def workingDirectory() -> str | None:
    """
    @return: The path of the current directory, or L{None} if it has been removed.
    """
    try:
        return os.getcwd()
    except OSError:
        return None


def leaveOutNowhere() -> None:
    """
    Where there is no current directory, what is relative to it on C{sys.path} leads
    nowhere; but Twisted, looking for plugins, would fail at it.
    """
    if workingDirectory() is None:
        sys.path[:] = filter(os.path.isabs, sys.path)
