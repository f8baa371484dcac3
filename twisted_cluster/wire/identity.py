"""
As whom a thread acts, by the system's own calls: only the one that asks for it.

The C library has every thread do the same, and waits for each of them, with Python's
lock: for ever, for one that another process keeps in a sleep from which nothing wakes it
(L{twisted_cluster.wire.aside}).
"""

from __future__ import annotations

import array
import os
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from importlib.util import find_spec

from twisted_cluster.wire.system_call import ofMachine, systemCall

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
            systemCall()(numbers[which], *arguments)
            return True
    return False


@cache
def _numbers() -> Sequence[int]:
    return ofMachine(CALLS) or ()
