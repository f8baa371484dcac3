"""
What there is to be seen of a connection that a worker sends back: nothing that it says
itself is believed.
"""

from __future__ import annotations

import os
import socket
import struct

from twisted_cluster.wire.borrowed import Borrowed
from twisted_cluster.wire.handoff import Handed

NO_LINGER = struct.pack("ii", 0, 0)


def isOfKind(listening: socket.socket, fd: int) -> bool:
    """
    Whether a descriptor is of the kind that a port gives.
    """
    try:
        with Borrowed(fd) as lent:
            isOfKind = (lent.family, lent.type) == (listening.family, listening.type)
            listens = lent.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            return isOfKind and not listens
    except OSError:
        return False


def asKnown(connection: Handed) -> Handed | None:
    """
    @return: A connection with what the kernel says of it, as if it had come just now. To
        close it takes no time from now on. L{None}: its peer has gone.
    """
    with Borrowed(connection.fd) as lent:
        lent.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        try:
            name = "" if lent.type == socket.SOCK_DGRAM else lent.getpeername()
        except OSError:
            return None
    # Python gives an abstract UNIX address as bytes.
    name = os.fsdecode(name) if isinstance(name, bytes) else name
    return connection._replace(name=name, tally=0, flags=0)
