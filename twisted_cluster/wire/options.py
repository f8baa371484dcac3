"""
Options of sockets that other processes have as well. Who has one can keep it locked for
as long as he likes, and Python lets no other thread run while it asks or sets an option.
"""

from __future__ import annotations

import ctypes

from twisted_cluster.wire.libc import checked, library


def getOption(fd: int, level: int, option: int, size: int) -> bytes:
    """
    @param size: The most bytes; of an option that is a list, 0.
    @return: What the system says.
    @raise OSError: As getsockopt(2) says.
    """
    return _get(fd, level, option, size)[0]


def countOption(fd: int, level: int, option: int) -> int:
    """
    @return: How much there is of an option that is a list.
    @raise OSError: As getsockopt(2) says.
    """
    return _get(fd, level, option, 0)[1]


def _get(fd: int, level: int, option: int, size: int) -> tuple[bytes, int]:
    value, length = ctypes.create_string_buffer(size or 1), ctypes.c_uint(size)
    found = value if size else None
    checked(library().getsockopt(fd, level, option, found, ctypes.byref(length)))
    return value.raw[: length.value] if size else b"", length.value


def setOption(fd: int, level: int, option: int, value: bytes) -> None:
    """
    @raise OSError: As setsockopt(2) says.
    """
    checked(library().setsockopt(fd, level, option, value, len(value)))
