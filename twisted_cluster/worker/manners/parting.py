"""
Closing a connection in order: whatever the client has sent meanwhile, it sees the end,
and no reset.
"""

from __future__ import annotations

import socket
import sys
from contextlib import suppress

from twisted.protocols.policies import ProtocolWrapper

from twisted_cluster.worker.manners.layers import layersOf
from twisted_cluster.worker.ports.connections import CountedServer

# Seconds. What a client has sent before it knew of the end is read, and dropped: the
# kernel answers what nobody reads with a reset. Some clients never look.
LINGER = 0.5
# tcp(7), TCP_INFO: the first byte is the state, this one that the end has arrived.
FIN_WAIT2 = 5


class Parting:
    """
    @ivar hasBegun: Whether the client has been told that nothing more comes.
    """

    hasBegun = False
    _until = 0.0

    def __init__(self, connection: CountedServer) -> None:
        """
        @param connection: One that the reactor reads.
        """
        self._connection = connection

    def begin(self, now: float) -> None:
        """
        Tell the client that nothing more comes. Whatever comes from it is to be ignored.
        """
        self.hasBegun, self._until = True, now + LINGER
        for layer in layersOf(self._connection):
            if isinstance(layer, ProtocolWrapper) and vars(layer).get("_handshakeDone"):
                # TLS has an end of its own.
                layer.loseConnection()
        self._connection.loseWriteConnection()  # type: ignore[no-untyped-call]
        # Not in the next turn: what comes until then would be ignored.
        self._connection.doWrite()  # type: ignore[no-untyped-call]

    def look(self, now: float) -> None:
        """
        Wait until the client has been told, but not for ever.
        """
        if now >= self._until or _hasArrived(self._connection):
            self._connection.loseConnection()  # type: ignore[no-untyped-call]


def _hasArrived(connection: CountedServer) -> bool:
    """
    Whether the client's system has seen the end: then whatever the client had sent before
    is here as well. Elsewhere than on Linux nobody says so.
    """
    if sys.platform != "linux":
        return False
    try:
        state = connection.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
    except OSError:
        return False
    return state[0] == FIN_WAIT2 and not hasUnread(connection)


def isSending(connection: CountedServer) -> bool:
    """
    Whether something is to be sent yet.
    """
    return bool(connection.dataBuffer or connection._tempDataBuffer)


def hasUnread(connection: CountedServer) -> bool:
    """
    Whether something has come that the reactor has not read, or the end has.
    """
    with suppress(BlockingIOError):
        connection.socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        return True
    return False
