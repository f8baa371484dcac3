"""
How web sockets take leave: with the code 1012, "service restart", after which clients
connect again.
"""

from __future__ import annotations

from typing import Any

from twisted_cluster.worker.ports.connections import CountedServer

# Registered by IANA. Autobahn's own sendClose() has no such code.
SERVICE_RESTART = 1012
REASON = "service restart"


class AutobahnManner:
    """
    Of Autobahn's web sockets: how long the client has to answer is Autobahn's affair.
    """

    def __init__(self, protocol: Any, connection: CountedServer, now: float) -> None:
        self._protocol = protocol

    def look(self, now: float) -> None:
        """
        Say so, as soon as it is open.
        """
        if self._protocol.state == self._protocol.STATE_OPEN:
            self._protocol.sendCloseFrame(SERVICE_RESTART, REASON.encode(), False)


class TwistedManner:
    """
    Of Twisted's own.
    """

    def __init__(self, protocol: Any, connection: CountedServer, now: float) -> None:
        self._protocol = protocol

    def look(self, now: float) -> None:
        """
        Say so, as soon as it is open.
        """
        if self._protocol._wsconn.state.name == "OPEN":
            self._protocol.loseConnection(SERVICE_RESTART, REASON)
