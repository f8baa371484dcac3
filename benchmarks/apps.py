"""
The applications that every Twisted contestant serves.
"""

from __future__ import annotations

import os
import re
import signal
import time

from twisted.internet.protocol import Factory, Protocol
from twisted.web.resource import Resource
from twisted.web.server import Request, Site
from twisted.web.static import File

BODY = b"hello, world\n"
RESPONSE = (
    b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"
    % (len(BODY), BODY)
)  # fmt: skip
NAMED = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n%d\n"
TROUBLE = os.environ.get("BENCHMARK_TROUBLE", "")


class Raw(Protocol):
    """
    Answer the first bytes, whatever they are, and close: no parser.
    """

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(RESPONSE)
        self.transport.loseConnection()


class Named(Protocol):
    """
    Say which process answers, after stopping it for the milliseconds that C{block=} says
    and those that L{trouble} added.
    """

    slowness = 0

    def dataReceived(self, data: bytes) -> None:
        asked = re.search(rb"block=(\d+)", data)
        stop(self.slowness + (int(asked[1]) if asked else 0))
        self.transport.write(NAMED % os.getpid())
        self.transport.loseConnection()


def stop(milliseconds: int) -> None:
    """
    Let the event loop stand still, without using the processor.
    """
    if milliseconds:
        time.sleep(milliseconds / 1e3)


def trouble(number: int, frame: object) -> None:
    """
    What SIGUSR2 does, as BENCHMARK_TROUBLE says: C{"stop 500"} stops the process once,
    for so many milliseconds; C{"slow 4"} stops it at each answer from now on.
    """
    kind, amount = TROUBLE.split()
    if kind == "slow":
        Named.slowness = int(amount)
    else:
        stop(int(amount))


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


class LoggedSite(Site):
    """
    A site with an access log where BENCHMARK_LOG says.
    """

    def __init__(self, resource: Resource) -> None:
        super().__init__(resource, logPath=os.environ.get("BENCHMARK_LOG"))


raw = Factory.forProtocol(Raw)
raw.noisy = False
web = QuietSite(Page())
# A file, as `twistd web --path` serves it: without an access log, with one, and with
# lines that are log events.
page = File(__file__)
page.isLeaf = True
quiet, filed, told = QuietSite(page), LoggedSite(page), Site(page)
filed.noisy = told.noisy = False
named = Factory.forProtocol(Named)
named.noisy = False
if TROUBLE:
    signal.signal(signal.SIGUSR2, trouble)
