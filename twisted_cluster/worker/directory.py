"""
Where this worker is.
"""

from __future__ import annotations

import os


def workingDirectory() -> str | None:
    """
    @return: The path of the current directory, or L{None} if it has been removed.
    """
    try:
        return os.getcwd()
    except OSError:
        return None
