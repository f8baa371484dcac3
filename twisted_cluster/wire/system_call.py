"""
System calls that Python has no function for.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Mapping
from functools import cache
from typing import TypeVar

from twisted_cluster.wire.libc import checked, library

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
    import ctypes

    syscall = library().syscall
    syscall.restype = ctypes.c_long
    return lambda *arguments: checked(syscall(*map(ctypes.c_long, arguments)))
