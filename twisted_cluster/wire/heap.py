"""
Memory that this process has had, and needs no more.
"""

from __future__ import annotations

from functools import cache
from typing import Protocol

from twisted.internet.interfaces import IReactorTime

from twisted_cluster.wire.libc import library

# Bytes: what has waited at once must have been more for it to be worth while.
FLOOD = 1 << 24
# Seconds after which those have let go of it, too, who were told that it is gone.
SOON = 0.2


class _Trim(Protocol):
    def __call__(self, kept: int, /) -> int: ...


@cache
def _trim() -> _Trim | None:
    try:
        trim: _Trim = library().malloc_trim
    except (ImportError, OSError, AttributeError):
        return None
    return trim


def giveBack() -> None:
    """
    Give the system what is free between what is not, as far as the C library can: glibc
    keeps what lies below anything that is in use. That takes some 25 us per MiB.
    """
    trim = _trim()
    if trim is not None:
        trim(0)


def giveBackSoon(clock: IReactorTime) -> None:
    """
    Do so in a while.
    """
    clock.callLater(SOON, giveBack)
