"""
Descriptors that travel with bytes: SCM_RIGHTS, in one place.
"""

from __future__ import annotations

import array
import fcntl
import os
import select
import socket
import struct
import sys
import termios
from collections.abc import Iterable, Sequence
from contextlib import suppress

from twisted_cluster.wire.borrowed import Borrowed
from twisted_cluster.wire.closing import discard

# Python's recv_fds ignores its flags, hence recvmsg.
_CLOEXEC = getattr(socket, "MSG_CMSG_CLOEXEC", 0)
_RECEIVE = int(socket.MSG_DONTWAIT) | int(_CLOEXEC)
_DONTWAIT = int(socket.MSG_DONTWAIT)
_TRUNCATED = int(socket.MSG_CTRUNC)
_CUT = int(socket.MSG_TRUNC)
# Linux 6.16. Whether descriptors can be sent to a socket at all.
_PASSRIGHTS = 83
_SIZE = array.array("i").itemsize
# As many as the kernel lets anybody send at once (SCM_MAX_FD).
_MOST = 253
_CHUNK = 65536
_count = struct.Struct("i")
_ROOM = socket.CMSG_SPACE(_MOST * _SIZE)
# Who has shut one direction of a socket says so for good.
_HALF = getattr(select, "POLLRDHUP", 0)
_OVER = select.POLLHUP | select.POLLERR | _HALF
# What else Linux puts into an ancillary message: a descriptor of the sending process,
# if anybody who has the socket has asked for that (SO_PASSPIDFD).
_SCM_PIDFD = 4 if sys.platform == "linux" else None


# The bytes; the descriptors that came along; whether the kernel had to close descriptors;
# whether a message was longer. A plain tuple, for it is made once for each message.
Come = tuple[bytes, Sequence[int], bool, bool]


def give(
    end: socket.socket, pieces: Sequence[memoryview | bytes], fds: Sequence[int] = ()
) -> int:
    """
    Send bytes, and descriptors with them; the caller keeps its own. Never blocks.

    @return: How many bytes the kernel took.
    @raise OSError: What C{sendmsg} raises.
    """
    if not fds:
        return end.sendmsg(pieces, (), _DONTWAIT)
    rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))
    return end.sendmsg(pieces, (rights,), _DONTWAIT)


def take(end: socket.socket, size: int, most: int) -> Come:
    """
    Receive what is there. Never blocks.

    @param size: The most bytes.
    @param most: The most descriptors; others are closed here. The kernel would do it, if
        there were no room for them, and wait with that as long as their sender likes.
    @return: The bytes: none at the end, or of an empty message, which L{isOver} tells
        apart. The descriptors that came along, which children do not inherit; who has
        this must close them. Whether descriptors that were sent are closed: there was no
        number free for them, or they were too many. Whether a message was longer than
        C{size}.
    @raise OSError: What C{recvmsg} raises: nothing has been lost then.
    """
    try:
        come = end.recvmsg(size, _ROOM, _RECEIVE)
    except ConnectionResetError:
        # The other end was closed with something unread. Of messages the kernel says so
        # before it gives what has come, and only once.
        come = end.recvmsg(size, _ROOM, _RECEIVE)
    data, ancillary, flags, _ = come
    if not (ancillary or flags & (_TRUNCATED | _CUT)):
        return data, (), False, False
    isTruncated, isCut = bool(flags & _TRUNCATED), bool(flags & _CUT)
    fds = _descriptorsIn(ancillary)
    if not _CLOEXEC:
        for fd in fds:
            os.set_inheritable(fd, False)
    if len(fds) > most:
        discard(fds[most:])
        fds, isTruncated = fds[:most], True
    return data, fds, isTruncated, isCut


def unread(fd: int) -> Iterable[int]:
    """
    @param fd: A UNIX connection that nobody reads.
    @return: The descriptors that have come by it, one after the other. It can be written
        to no longer.
    @raise OSError: If it is none.
    """
    with Borrowed(fd) as lent:
        lent.shutdown(socket.SHUT_RDWR)
        data = b"more"
        while data:
            data, fds, _, _ = take(lent, _CHUNK, _MOST)
            yield from fds


def takeNone(end: socket.socket) -> None:
    """
    Have the system refuse whoever sends descriptors to this end, if it can.
    """
    if sys.platform == "linux":
        with suppress(OSError):
            end.setsockopt(socket.SOL_SOCKET, _PASSRIGHTS, 0)


def waitingIn(end: socket.socket) -> int:
    """
    How many bytes have come that nobody has read.
    """
    return int(_count.unpack(fcntl.ioctl(end, termios.FIONREAD, bytes(_count.size)))[0])


def isOver(end: socket.socket) -> bool:
    """
    Whether nothing more can come, where nothing came: of messages, unlike of a stream,
    one can be empty.
    """
    poll = select.poll()
    poll.register(end, select.POLLIN | _HALF)
    return any(events & _OVER for _, events in poll.poll(0))


def areFree(count: int, fd: int) -> bool:
    """
    Whether so many more descriptors can be opened; there is no other way to know for
    sure.

    @param fd: Any that is open.
    """
    copies: list[int] = []
    try:
        for _ in range(count):
            copies.append(os.dup(fd))
    except OSError:
        return False
    finally:
        closeAll(copies)
    return True


def closeAll(fds: Iterable[int]) -> None:
    """
    Close descriptors.
    """
    for fd in fds:
        os.close(fd)


def _descriptorsIn(ancillary: Iterable[tuple[int, int, bytes]]) -> array.array[int]:
    fds = array.array("i")
    for level, kind, part in ancillary:
        if level != socket.SOL_SOCKET:
            continue
        whole = part[: len(part) - len(part) % _SIZE]
        if kind == socket.SCM_RIGHTS:
            fds.frombytes(whole)
        elif kind == _SCM_PIDFD:
            discard(array.array("i", whole))
    return fds
