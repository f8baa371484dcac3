"""
How many descriptors a process may have.
"""

from __future__ import annotations

import resource
from contextlib import suppress


def shareOf(part: int, most: int) -> int:
    """
    @param part: One of so many parts of the descriptors that this process may have.
    @param most: No more than this in any case.
    @return: How many descriptors something may take, 1 or more: the rest is for others.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return most if limit < 0 else max(1, min(most, limit // part))


def raiseLimit() -> None:
    """
    Have as many descriptors as there may be. It is refused where fs.nr_open has been
    lowered since: then there are as many as there are.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
