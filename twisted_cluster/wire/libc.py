"""
The C library, for what Python has no function for. Only who asks for it has ctypes in
memory.
"""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctypes import CDLL


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
