"""
How HTTP/2 takes leave: with GOAWAY, twice, as the standard advises.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from twisted_cluster.worker.manners.http import QUIET
from twisted_cluster.worker.manners.parting import Parting, isSending
from twisted_cluster.worker.ports.connections import CountedServer

if TYPE_CHECKING:
    from twisted.web._http2 import H2Connection

# A frame of 8 bytes, GOAWAY, no flags, of the connection; the last stream there may ever
# be, no error. By h2 itself the connection would be at its end with it.
GOAWAY = struct.pack(">BHBBLLL", 0, 8, 7, 0, 0, 2**31 - 1, 0)


class HTTP2Manner:
    """
    Of a connection of L{twisted.web}.

    @see: RFC 9113, section 6.8
    """

    def __init__(
        self, channel: H2Connection, connection: CountedServer, now: float
    ) -> None:
        self._channel: Any = channel
        self._connection = connection
        self._parting = Parting(connection)
        self._since = now
        if channel.transport is not None:
            channel.transport.write(GOAWAY)

    def look(self, now: float) -> None:
        """
        Say which request was the last one, and close, when all are answered.
        """
        if self._parting.hasBegun:
            self._parting.look(now)
        elif now - self._since >= QUIET and self._isIdle():
            self._part(now)

    def _isIdle(self) -> bool:
        here = self._connection
        return not (self._channel.streams or here.disconnecting or isSending(here))

    def _part(self, now: float) -> None:
        channel = self._channel
        channel.setTimeout(None)
        channel.dataReceived = _ignore
        channel.conn.close_connection()
        channel.transport.write(channel.conn.data_to_send())
        channel.transport.unregisterProducer()
        self._parting.begin(now)


def _ignore(data: bytes) -> None:
    pass
