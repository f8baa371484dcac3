"""
As whom a thread acts, by the system's own calls: only the one that asks for it.

The C library has every thread do the same, and waits for each of them, with Python's
lock: for ever, for one that another process keeps in a sleep from which nothing wakes it
(L{twisted_cluster.wire.aside}).
"""

from __future__ import annotations

import array
import os
import platform
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from importlib.util import find_spec

# setresuid(2), setresgid(2), setgroups(2), as asm/unistd.h has them.
CALLS = {
    "x86_64": (117, 119, 116),
    "aarch64": (147, 149, 159),
    "riscv64": (147, 149, 159),
    "ppc64le": (164, 169, 81),
    "s390x": (208, 210, 206),
}
UID, GID, GROUPS = range(3)
SAME = -1


def setUid(uid: int) -> None:
    """
    Be another user; who it really is stays.

    @raise OSError: As seteuid(2) says.
    """
    if not _call(UID, SAME, uid, SAME):
        os.seteuid(uid)


def setGid(gid: int) -> None:
    """
    The same of the group.

    @raise OSError: As setegid(2) says.
    """
    if not _call(GID, SAME, gid, SAME):
        os.setegid(gid)


def setGroups(groups: Sequence[int]) -> None:
    """
    The same of the other groups.

    @raise OSError: As setgroups(2) says.
    """
    many = array.array("I", groups)
    address, count = many.buffer_info()
    if not _call(GROUPS, count, address):
        os.setgroups(groups)


def isOwn() -> bool:
    """
    Whether a thread that acts as somebody else does so alone.
    """
    return bool(_numbers()) and _mayCall()


@cache
def _mayCall() -> bool:
    return find_spec("ctypes") is not None


def _call(which: int, *arguments: int) -> bool:
    """
    @return: Whether it is known here how.
    """
    numbers = _numbers()
    if numbers:
        with suppress(ImportError):
            _system()(numbers[which], *arguments)
            return True
    return False


@cache
def _numbers() -> Sequence[int]:
    isKnown = sys.platform == "linux" and sys.maxsize > 1 << 32
    return CALLS.get(platform.machine(), ()) if isKnown else ()


@cache
def _system() -> Callable[..., None]:
    # Only who acts as somebody else has ctypes in memory.
    import ctypes

    syscall = ctypes.CDLL(None, use_errno=True).syscall

    def checked(*arguments: int) -> None:
        if syscall(*map(ctypes.c_long, arguments)) < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    return checked
