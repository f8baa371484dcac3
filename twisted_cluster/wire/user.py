"""
Do as another user what that user has asked for, and could do.
"""

from __future__ import annotations

import codecs
import errno
import os
import pwd
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import cached_property

from attrs import frozen
from twisted.logger import Logger

from twisted_cluster.wire.identity import isOwn, setGid, setGroups, setUid

log = Logger()
_ONE_AT_A_TIME = threading.RLock()


@frozen(slots=False)
class User:
    """
    Somebody else, as whom a process of root's may act.

    @ivar uid: Whose files are made, and which ones may be changed.
    @ivar gid: The same of the group.
    """

    uid: int
    gid: int

    @classmethod
    def of(cls, uid: int | None, gid: int | None) -> User | None:
        """
        @param uid: L{None} for this process's own; C{gid} as well.
        @return: L{None} if that is who this process is, or if it cannot be anybody else.
        """
        ours = os.geteuid(), os.getegid()
        asked = ours[0] if uid is None else uid, ours[1] if gid is None else gid
        return cls(*asked) if ours[0] == 0 and asked != ours else None

    @cached_property
    def groups(self) -> Sequence[int]:
        """
        What other groups it is in, as L{twisted.python.util.switchUID} has it.

        @raise OSError: If there is no such user.
        """
        if self.uid == os.geteuid():
            return os.getgroups()
        try:
            name = pwd.getpwuid(self.uid).pw_name
        except KeyError:
            raise OSError(errno.EPERM, f"there is no user {self.uid}") from None
        return os.getgrouplist(name, self.gid)

    @property
    def isActing(self) -> bool:
        """
        Whether this process acts as that user already.
        """
        return (os.geteuid(), os.getegid()) == (self.uid, self.gid)


def uidOf(user: User | None) -> int:
    """
    @return: The number of a user; L{None} is whom this process is of.
    """
    return os.geteuid() if user is None else user.uid


@contextmanager
def acting(user: User | None) -> Iterator[None]:
    """
    Be that user while the block lasts: what it may not do fails as it would for it.

    Other threads stay who they are, where this system is known; one that is started
    meanwhile is that user's for good. The real user stays who it was, so that processes
    of that user's can send this one no signal.

    @param user: L{None} for whom this process is of.
    @raise OSError: If that may not be.
    """
    if user is None:
        yield
        return
    # Of two threads the second would take for its own who the first has become.
    with nullcontext() if isOwn() else _ONE_AT_A_TIME:
        if user.isActing:
            yield
            return
        before = os.geteuid(), os.getegid(), os.getgroups()
        try:
            _become(user)
            yield
        finally:
            _return(*before)


def _become(user: User) -> None:
    # Names of hosts need it, and Python, which loads it with the first of them, may be
    # where that user cannot read.
    codecs.lookup("idna")
    setGroups(user.groups)
    setGid(user.gid)
    # Last: with that the right to do the others is gone.
    setUid(user.uid)


def _return(uid: int, gid: int, groups: Sequence[int]) -> None:
    try:
        setUid(uid)
        setGid(gid)
        setGroups(groups)
    except BaseException:
        # Half somebody else, it would do harm, or fail at something later on.
        log.failure("this process cannot be user {uid} again: it ends", uid=uid)
        os.abort()
