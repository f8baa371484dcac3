"""
System calls that Python has no function for.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Mapping
from functools import cache
from typing import TypeVar

Found = TypeVar("Found")


def ofMachine(numbers: Mapping[str, Found]) -> Found | None:
    """
    What is known of this machine.

    @param numbers: By the machine's name; of 64 bits.
    @return: L{None} where it is another one, or no Linux.
    """
    isKnown = sys.platform == "linux" and sys.maxsize > 1 << 32
    return numbers.get(platform.machine()) if isKnown else None


@cache
def systemCall() -> Callable[..., int]:
    """
    What makes one: it is called with its number and its arguments.

    @raise ImportError: If this Python cannot.
    """
    # Only who makes such a call has ctypes in memory.
    import ctypes

    syscall = ctypes.CDLL(None, use_errno=True).syscall
    syscall.restype = ctypes.c_long

    def checked(*arguments: int) -> int:
        answer = syscall(*map(ctypes.c_long, arguments))
        if answer < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return int(answer)

    return checked
