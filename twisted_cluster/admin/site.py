"""
HTTP for the control socket: Twisted's own, with less of it.
"""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import cast

from twisted.internet.interfaces import IReactorTime
from twisted.internet.tcp import Connection
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from twisted_cluster.admin.peers import Peer

# All of a request has come by then, and its answer has been read.
PATIENCE = 10.0
# Verbs have few arguments.
MOST_BODY = 4096
TOO_LONG = (
    b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
)


class ControlRequest(Request):
    """
    A request without a long body.
    """

    isRefused = False

    def gotLength(self, length: int | None) -> None:
        """
        @see: L{twisted.web.http.Request}
        """
        self.isRefused = length is None or length > MOST_BODY
        if not self.isRefused:
            super().gotLength(length)
            return
        self.content = BytesIO()
        self.channel.write(TOO_LONG)
        self.channel.loseConnection()

    def handleContentChunk(self, data: bytes) -> None:
        """
        @see: L{twisted.web.http.Request}
        """
        if not self.isRefused:
            super().handleContentChunk(data)

    def process(self) -> None:
        """
        @see: L{twisted.web.server.Request}
        """
        if not self.isRefused:
            cast(ControlChannel, self.channel).isBusy = True
            super().process()


class ControlChannel(HTTPChannel):
    """
    One connection.

    @ivar peer: Who is there; L{None} if the system does not tell.
    @ivar isBusy: Whether it has asked for something, and has not been answered.
    @ivar lost: Called when it is closed.
    """

    peer: Peer | None = None
    isBusy = False
    lost: Callable[[ControlChannel], object] = staticmethod(lambda _: None)

    def resetTimeout(self) -> None:
        """
        Whatever comes meanwhile: the time is for all of a request.
        """

    def timeoutConnection(self) -> None:
        """
        It has been idle, or slow, for too long.
        """
        cast(Connection, self.transport).abortConnection()

    def checkPersistence(self, request: Request, version: bytes) -> bool:
        """
        One request for each connection: the answers of many that come at once would all
        be made, in one turn, for who reads none of them.
        """
        request.responseHeaders.setRawHeaders(b"connection", [b"close"])
        return False

    def requestDone(self, request: Request) -> None:
        """
        @see: L{HTTPChannel}
        """
        self.isBusy = False
        super().requestDone(request)
        # Who reads no answer is not waited for either.
        self.setTimeout(PATIENCE)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        """
        @see: L{HTTPChannel}
        """
        super().connectionLost(reason)
        self.lost(self)


def newSite(root: Resource, reactor: IReactorTime) -> Site:
    """
    @param root: What is served.
    @param reactor: Counts the time that clients take.
    @return: Makes a L{ControlChannel} for each connection.
    """
    site = Site(root, ControlRequest, timeout=PATIENCE, reactor=reactor)
    site.protocol = ControlChannel  # type: ignore[method-assign,assignment]
    return site
