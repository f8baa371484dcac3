"""
Closing a connection in order: whatever the client has sent meanwhile, it sees the end,
and no reset.
"""

from __future__ import annotations

import socket
from contextlib import suppress

from twisted.protocols.policies import ProtocolWrapper

from twisted_cluster.worker.manners.layers import layersOf
from twisted_cluster.worker.ports.connections import CountedServer

# Seconds. What a client has sent before it saw the end is read, and dropped: the kernel
# answers what nobody reads with a reset. Some clients never look.
LINGER = 0.5


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
                # TLS: it sends close_notify, and waits for the client's.
                layer.loseConnection()
                return
        self._connection.loseWriteConnection()  # type: ignore[no-untyped-call]
        # Not in the next turn: what comes until then would be ignored.
        self._connection.doWrite()  # type: ignore[no-untyped-call]

    def look(self, now: float) -> None:
        """
        Wait no longer than that.
        """
        if self.hasBegun and now >= self._until:
            self._connection.loseConnection()  # type: ignore[no-untyped-call]


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
