"""
What comes back from a worker: nothing that it says itself is believed, and whatever is
asked of a socket that it may still have is asked where nobody waits for the answer.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from twisted.logger import Logger

from twisted_cluster.core.complaints import Complaints
from twisted_cluster.errors import MessageError
from twisted_cluster.events import SocketName
from twisted_cluster.primary.door.given import Given
from twisted_cluster.primary.door.peeker import peek
from twisted_cluster.wire.aside import aside
from twisted_cluster.wire.borrowed import Unasked, familyOf
from twisted_cluster.wire.closing import discard
from twisted_cluster.wire.handed import RELAYED, SEEN, Handed, packRecord
from twisted_cluster.wire.limit import SHORT

log = Logger()
_complaints = Complaints(time.monotonic_ns)
S = TypeVar("S")
T = TypeVar("T")
# A connection, and the socket of its port.
Known = tuple[Handed, socket.socket]
# Gives a port's socket, by the listener's number; None if it is closed.
SocketOf = Callable[[int], "socket.socket | None"]


def identified(
    given: Given, socketOf: SocketOf, connections: Sequence[Handed]
) -> list[Handed]:
    """
    @param given: What the worker was handed.
    @param connections: What it sends back; closed, but for what is returned.
    @return: The connections as they were handed, with one bounce more. Not among them are
        those whose port is closed, or whose peer has gone.
    @raise MessageError: If the worker sends back what it was not handed.
    """
    kept: set[int] = set()
    try:
        known = [_known(given, socketOf, connection) for connection in connections]
        back = _identical([one for one in known if one is not None])
        kept.update(one.fd for one in back)
        return back
    finally:
        discard([one.fd for one in connections if one.fd not in kept])


def _known(given: Given, socketOf: SocketOf, connection: Handed) -> Known | None:
    """
    @return: L{None} if its port is closed.
    """
    handed = given.back(connection.nonce)
    if handed is None:
        raise MessageError("it sends back a connection that it was not handed")
    listening = socketOf(handed.listener)
    # Datagrams that a worker has no port for any more are lost, as in a socket's buffer.
    if listening is None or handed.flags & RELAYED:
        return None
    bounces = handed.bounces + 1
    handed = handed._replace(fd=connection.fd, bounces=bounces, tally=0, flags=SEEN)
    return handed, listening


def _identical(connections: Sequence[Known]) -> list[Handed]:
    """
    @return: Those whose peer is there.
    @raise MessageError: If one is not what it should be.
    """
    names = _ask(connections, lambda known: _nameOf(known[0].fd, known[1]))
    back: list[Handed] = []
    for (connection, listening), name in zip(connections, names):
        if name is None:
            continue
        expected = connection.name
        if listening.type == socket.SOCK_DGRAM:
            # A port's own socket, with what is left in it.
            expected = listening.getsockname()
        if expected and packRecord(0, expected) != packRecord(0, name):
            raise MessageError(f"it sends back a connection of {name}, not {expected}")
        back.append(connection if expected else connection._replace(name=name))
    return back


def _nameOf(fd: int, listening: socket.socket) -> SocketName | None:
    """
    @return: Who is at the other end, of datagrams what is at this one; L{None} if nobody
        is any more, or if no descriptor is free to look.
    @raise MessageError: If it is not of the kind that a port gives.
    """
    try:
        with Unasked(fd) as lent:
            if _isOfKind(lent, listening):
                return _nameIn(lent)
    except OSError as error:
        if error.errno in SHORT:
            # To look at it takes one more; the worker is not to blame.
            _complain(error)
            return None
    raise MessageError("it sends back what is no connection")


def _complain(error: OSError) -> None:
    if _complaints.isDue():
        log.error(
            "a connection that came back is closed: {error}; raise the limit (ulimit -n)",
            error=error,
        )


def _isOfKind(lent: socket.socket, listening: socket.socket) -> bool:
    """
    @raise OSError: If it is no socket.
    """
    asked = [socket.SO_TYPE, socket.SO_ACCEPTCONN]
    kind = [lent.getsockopt(socket.SOL_SOCKET, option) for option in asked]
    return kind == [listening.type, 0] and familyOf(lent) == listening.family


def _nameIn(lent: socket.socket) -> SocketName | None:
    try:
        isPort = lent.type == socket.SOCK_DGRAM
        name = lent.getsockname() if isPort else lent.getpeername()
    except OSError:
        return None
    # Python gives an abstract UNIX address as bytes.
    return os.fsdecode(name) if isinstance(name, bytes) else name


def firstBytes(fds: Sequence[int], limit: int) -> list[bytes]:
    """
    Look at connections that came back.

    @param limit: At how many bytes of each.
    @raise MessageError: If somebody keeps them from being looked at.
    """
    return _ask(fds, lambda fd: peek(fd, limit, Unasked))


def _ask(about: Sequence[S], question: Callable[[S], T]) -> list[T]:
    if not about:
        return []
    try:
        return aside(lambda: [question(one) for one in about], lambda answers: None)
    except TimeoutError:
        why = "it keeps a connection locked that it has sent back, or not taken"
        raise MessageError(why) from None
