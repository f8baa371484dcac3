"""
What is served: the same for every Twisted contestant.
"""

from __future__ import annotations

from twisted.internet.protocol import Factory, Protocol
from twisted.web.resource import Resource
from twisted.web.server import Site

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello\n"


class Raw(Protocol):
    """
    Answers the first bytes with the same bytes, and closes; no HTTP is parsed.
    """

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(ANSWER)
        self.transport.loseConnection()


class Hello(Resource):
    """
    A short page.
    """

    isLeaf = True

    def render_GET(self, request: object) -> bytes:
        return b"hello\n"


class QuietSite(Site):
    """
    A site with no access log.
    """

    def log(self, request: object) -> None:
        """
        Say nothing.
        """


raw = Factory.forProtocol(Raw)
raw.noisy = False
web = QuietSite(Hello())
