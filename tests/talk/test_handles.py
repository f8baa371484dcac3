"""
What has arrived with a message.
"""

from __future__ import annotations

import asyncio
import socket

from twisted.internet import reactor
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from twisted_cluster.talk.handles import ConnectionHandle


class Failing(Protocol):
    """
    Fails with what it is given.

    @cvar lost: What it is told at the end.
    """

    wrong: BaseException
    lost: Failure | None = None

    def dataReceived(self, data: bytes) -> None:
        raise self.wrong

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        Failing.lost = reason


class AdoptionTests(SynchronousTestCase):
    """
    Connections that another process has read from.
    """

    def test_whatAProtocolRaisesEndsItsConnection(self) -> None:
        """
        As if it had come by itself; who adopts it is not told.
        """
        for wrong in (ValueError("a"), SystemExit("b"), asyncio.CancelledError("c")):
            Failing.wrong = wrong
            client, given = socket.socketpair()
            client.settimeout(5.0)
            factory = Factory.forProtocol(Failing)
            with client:
                ConnectionHandle(given, reactor, b"unread").adopt(factory)
                assert client.recv(1) == b""
            assert Failing.lost is not None
            assert Failing.lost.value is wrong
            assert len(self.flushLoggedErrors(type(wrong))) == 1
