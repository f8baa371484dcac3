"""
What a client of the control socket can make it do, without a socket.
"""

from __future__ import annotations

from typing import Any, cast

import pytest
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.web.resource import Resource

from twisted_cluster.admin.site import PATIENCE, newSite


class Counting(Resource):
    """
    @ivar asked: How often it was asked for.
    """

    isLeaf = True
    asked = 0

    def render_GET(self, request: object) -> bytes:
        self.asked += 1
        return b"x" * 1000


class Aborted(StringTransport):
    """
    @ivar isAborted: Whether it was closed whatever was to be sent.
    """

    isAborted = False

    def abortConnection(self) -> None:
        self.isAborted = True


def _asked(clock: Clock, data: bytes) -> tuple[Counting, Aborted]:
    page, transport = Counting(), Aborted()  # type: ignore[no-untyped-call]
    channel: Any = newSite(page, cast(Any, clock)).buildProtocol(None)
    channel.callLater = clock.callLater
    channel.makeConnection(transport)
    channel.dataReceived(data)
    return page, transport


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_ofManyRequestsAtOnceOneIsAnswered(version: bytes) -> None:
    """
    Else 16 KB of them are answers of gigabytes in one turn.
    """
    page, transport = _asked(Clock(), b"GET / HTTP/%s\r\n\r\n" % version * 500)
    assert page.asked == 1
    told: bytes = transport.value()  # type: ignore[no-untyped-call]
    assert told.count(b"HTTP/") == 1
    assert b"\r\nConnection: close\r\n" in told
    assert transport.disconnecting


def test_whoDoesNotReadAnAnswerIsLetGo() -> None:
    """
    It has as long for that as for its request.
    """
    clock = Clock()
    _, transport = _asked(clock, b"GET / HTTP/1.1\r\n\r\n")
    clock.advance(PATIENCE - 1)
    assert not transport.isAborted
    clock.advance(2)
    assert transport.isAborted
