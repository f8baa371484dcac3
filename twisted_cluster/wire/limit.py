"""
How many descriptors a process may have.
"""

from __future__ import annotations

import resource
from contextlib import suppress


def raiseLimit() -> None:
    """
    Have as many descriptors as there may be. It is refused where fs.nr_open has been
    lowered since: then there are as many as there are.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
