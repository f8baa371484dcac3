"""
Names of files that are the system's.
"""

from __future__ import annotations

import os

SYSTEMS = ("/dev/", "/proc/")


def isSystems(path: str) -> bool:
    """
    Whether a path is a link of the system's, such as C{/dev/stdout}: whatever it leads
    to, nobody is to put something else in its place.

    @param path: An absolute one.
    """
    return path.startswith(SYSTEMS) and os.path.islink(path)
