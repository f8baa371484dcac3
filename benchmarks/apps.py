"""
The applications that every Twisted contestant serves.
"""

from __future__ import annotations

from twisted.internet.protocol import Factory, Protocol
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

BODY = b"hello, world\n"
RESPONSE = (
    b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"
    % (len(BODY), BODY)
)  # fmt: skip


class Raw(Protocol):
    """
    Answer the first bytes, whatever they are, and close: no parser.
    """

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(RESPONSE)
        self.transport.loseConnection()


class Page(Resource):
    """
    A small fixed body.
    """

    isLeaf = True

    def render_GET(self, request: Request) -> bytes:
        return BODY


class QuietSite(Site):
    """
    A site without an access log: Node's http has none either.
    """

    noisy = False

    def log(self, request: Request) -> None:
        """
        Write nothing.
        """


raw = Factory.forProtocol(Raw)
raw.noisy = False
web = QuietSite(Page())
