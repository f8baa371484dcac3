"""
Descriptors of every kind, to go along with what is said.
"""

from __future__ import annotations

import array
import errno
import os
import select
import socket
import struct
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from random import Random

_ROOM = socket.CMSG_SPACE(253 * 4)
RIGHTS = socket.SOL_SOCKET, socket.SCM_RIGHTS
_SENDING = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL
# Longer than anybody may be kept waiting.
_LINGER = struct.pack("ii", 1, 1)


def _detached(*made: socket.socket) -> list[int]:
    return [one.detach() for one in made]


def _connected() -> list[int]:
    """
    A connection, which is not the primary's.
    """
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        served, _ = server.accept()
    return _detached(client, served)


def _lingering() -> list[int]:
    """
    One that has much to send still: who closes it waits.
    """
    made = _connected()
    with socket.socket(fileno=os.dup(made[0])) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
        client.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                client.send(bytes(65536))
    return made


def _listening() -> list[int]:
    return _detached(socket.create_server(("127.0.0.1", 0)))


def _file() -> list[int]:
    with tempfile.TemporaryFile() as made:
        made.write(b"{}")
        made.flush()
        return [os.dup(made.fileno())]


def _memory() -> list[int]:
    made = os.memfd_create("fuzz", os.MFD_ALLOW_SEALING)
    os.write(made, b'{"version": 2, "event": {}}')
    return [made]


def _hole() -> list[int]:
    made = os.memfd_create("fuzz")
    os.ftruncate(made, 1 << 30)
    return [made]


def _epoll() -> list[int]:
    with select.epoll() as made:
        return [os.dup(made.fileno())]


# What each gives are some descriptors, the first of which is what it says.
THINGS: Mapping[str, Callable[[], list[int]]] = {
    "connection": _connected,
    "lingering": _lingering,
    "listening": _listening,
    "unix": lambda: _detached(*socket.socketpair()),
    "seqpacket": lambda: _detached(
        *socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ),
    "datagrams": lambda: _detached(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)),
    "unconnected": lambda: _detached(socket.socket()),
    "pipe": lambda: list(os.pipe()),
    "file": _file,
    "directory": lambda: [os.open("/", os.O_RDONLY)],
    "path": lambda: [os.open("/", getattr(os, "O_PATH", os.O_RDONLY))],
    "device": lambda: [os.open("/dev/zero", os.O_RDWR)],
    "memory": _memory,
    "hole": _hole,
    "epoll": _epoll,
    "event": lambda: [os.eventfd(0)],
    "process": lambda: [os.pidfd_open(os.getpid())],
}


# More than so many are all of one kind, which costs little.
MANY = 4
CHEAP = ("unconnected", "pipe", "file", "directory", "memory", "epoll")


def put(
    end: socket.socket, data: bytes, things: Sequence[str] = (), fds: Sequence[int] = ()
) -> bool:
    """
    Say something, with new things of these kinds, and with descriptors that this process
    has already.

    @return: Whether there was room for it; that the primary has cut the wire is none.
    """
    whole = [THINGS[kind]() for kind in things]
    try:
        given = array.array("i", [*fds, *(made[0] for made in whole)])
        return send(end, data, given)
    finally:
        letGo([fd for made in whole for fd in made], "lingering" in things)


def letGo(fds: Sequence[int], isLong: bool) -> None:
    """
    Close some.

    @param isLong: Whether that takes long.
    """
    if isLong:
        threading.Thread(target=letGo, args=[fds, False], daemon=True).start()
        return
    for fd in fds:
        os.close(fd)


def send(end: socket.socket, data: bytes, fds: Sequence[int] = ()) -> bool:
    """
    Say something, with these descriptors.
    """
    rights = [(*RIGHTS, array.array("i", fds))] if len(fds) else []
    try:
        end.sendmsg([data], rights, _SENDING)
    except BlockingIOError:
        return False
    except OSError as error:
        # No room in some other way; or it is cut.
        if error.errno in (errno.ENOBUFS, errno.ETOOMANYREFS, errno.ENOMEM):
            return False
        if error.errno == errno.EPERM:
            # The primary takes no descriptors there.
            return True
        if error.errno in (errno.EPIPE, errno.ECONNRESET, errno.EMSGSIZE):
            return False
        raise
    return True


def some(random: Random, most: int = 4) -> list[str]:
    """
    Some kinds of things; few, mostly, and now and then as many as can be sent.
    """
    count = random.choice((0, 1, 1, 2, most))
    if count > MANY:
        return [random.choice(CHEAP)] * count
    return [random.choice(sorted(THINGS)) for _ in range(count)]


def drain(end: socket.socket) -> list[bytes]:
    """
    What the primary has said; what came along is closed.
    """
    heard = []
    for data, fds in received(end):
        for fd in fds:
            os.close(fd)
        heard.append(data)
    return heard


def received(end: socket.socket) -> Iterator[tuple[bytes, Sequence[int]]]:
    """
    What the primary has said, with what came along, which is the caller's.
    """
    while True:
        try:
            data, ancillary, _, _ = end.recvmsg(65536, _ROOM, socket.MSG_DONTWAIT)
        except OSError:
            return
        fds = array.array("i")
        for _, _, part in ancillary:
            fds.frombytes(part[: len(part) - len(part) % fds.itemsize])
        if not data:
            return
        yield data, fds
