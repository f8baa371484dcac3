"""
Who is taken leave of how, by the name of the protocol's class: nothing has to be imported
for that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twisted_cluster.worker.manners.http import HTTPManner
from twisted_cluster.worker.manners.http2 import HTTP2Manner
from twisted_cluster.worker.manners.lines import FTPManner, IMAPManner, SMTPManner
from twisted_cluster.worker.manners.websockets import AutobahnManner, TwistedManner
from twisted_cluster.worker.ports.connections import CountedServer, Manner

NewManner = Callable[[Any, CountedServer, float], Manner]
KNOWN: Mapping[str, NewManner] = {
    "twisted.web.http.HTTPChannel": HTTPManner,
    "twisted.web._http2.H2Connection": HTTP2Manner,
    "twisted.web._websocket_impl._WebSocketWireProtocol": TwistedManner,
    "twisted.mail.imap4.IMAP4Server": IMAPManner,
    "twisted.mail.smtp.SMTP": SMTPManner,
    "twisted.protocols.ftp.FTP": FTPManner,
    "autobahn.websocket.protocol.WebSocketServerProtocol": AutobahnManner,
}


class Silence:
    """
    Of what is not known: it ends when it ends.
    """

    def look(self, now: float) -> None:
        """
        Nothing is to be said.
        """


def mannerOf(protocol: object, connection: CountedServer, now: float) -> Manner:
    """
    @param protocol: The innermost.
    """
    for kind in type(protocol).__mro__:
        new = KNOWN.get(f"{kind.__module__}.{kind.__qualname__}")
        if new is not None:
            return new(protocol, connection, now)
    return Silence()
