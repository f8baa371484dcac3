"""
The C library, for what Python has no function for. Only who asks for it has ctypes in
memory.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctypes import CDLL

# What is said where it cannot be done.
NOT_HERE = "this platform has nothing of the kind: Linux has, from 3.5 on"


@cache
def library() -> CDLL:
    """
    @raise ImportError: If this Python cannot call it.
    """
    import ctypes

    return ctypes.CDLL(None, use_errno=True)


def checked(result: int) -> int:
    """
    @param result: What one of its functions has returned just now.
    @return: The same.
    @raise OSError: If that says that it has failed.
    """
    import ctypes

    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def prctl(operation: int, *arguments: int) -> int:
    """
    Ask something for this process, or change it; on Linux.

    @raise OSError: If the system does not let us, or is another one.
    @raise ImportError: If this Python cannot call it.
    """
    import ctypes

    if not sys.platform.startswith("linux"):
        raise OSError(NOT_HERE)
    call = library().prctl
    call.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
    return checked(call(operation, *arguments, *[0] * (4 - len(arguments))))
