"""
Whose word it is what a path means.
"""

from __future__ import annotations

import errno
import os
import pwd
import stat
from collections import deque

from twisted_cluster.wire.user import User

# As the kernel has it.
MOST_LINKS = 40
OTHERS = stat.S_IWGRP | stat.S_IWOTH


def keeperOf(path: str) -> User | None:
    """
    Who can make a path mean another file: root may do there what that user may, and no
    more.

    @param path: What it names need not be there.
    @return: L{None} if that is root alone, or if this process is not of root's.
    @raise OSError: EPERM if anybody can, or if nobody is called after who can; or as
        lstat(2) says.
    """
    if os.geteuid() != 0:
        return None
    uid = _keeperOf(os.path.abspath(path))
    if uid == 0:
        return None
    try:
        return User(uid, pwd.getpwuid(uid).pw_gid)
    except KeyError:
        raise _nobodys(path) from None


def _keeperOf(path: str) -> int:
    here, links = os.sep, 0
    left = deque(path.split(os.sep))
    while left:
        name = left.popleft()
        if name == os.pardir:
            here = os.path.dirname(here)
        if name in ("", os.curdir, os.pardir):
            continue
        uid, isSticky = _keeperOfFolder(here)
        if uid != 0:
            return uid
        there = os.path.join(here, name)
        try:
            state = os.lstat(there)
        except FileNotFoundError:
            if isSticky:
                raise _nobodys(there) from None
            return 0
        if isSticky and state.st_uid != 0:
            return state.st_uid
        if not stat.S_ISLNK(state.st_mode):
            here = there
            continue
        links += 1
        if links > MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
        target = os.readlink(there)
        left.extendleft(reversed(target.split(os.sep)))
        here = os.sep if os.path.isabs(target) else here
    return 0


def _keeperOfFolder(path: str) -> tuple[int, bool]:
    """
    @return: Who may remove and make what there is in a directory, and whether others may
        as well, if it is their own.
    """
    state = os.lstat(path)
    others = state.st_mode & OTHERS
    if others == stat.S_IWGRP and state.st_gid == 0:
        others = 0
    isSticky = bool(state.st_mode & stat.S_ISVTX)
    if state.st_uid == 0 and others and not isSticky:
        raise _nobodys(path)
    return state.st_uid, bool(others)


def _nobodys(path: str) -> OSError:
    return OSError(errno.EPERM, "anybody may have put something else there", path)


def openRegular(path: str, flags: int, mode: int = 0o777) -> int:
    """
    Open what somebody may have put there who wants this process to wait: for the other
    end of a pipe, or until he gives up a lease.

    @return: Of a regular file.
    @raise OSError: As open(2) says; EINVAL if it is none.
    """
    fd = os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY, mode)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", path)
        os.set_blocking(fd, True)
    except BaseException:
        os.close(fd)
        raise
    return fd


def mayWriteIn(directory: str) -> bool:
    """
    Whether who this process acts as may make files there, and not who it really is.
    """
    isEffective = os.access in os.supports_effective_ids
    return os.access(directory, os.W_OK, effective_ids=isEffective)
