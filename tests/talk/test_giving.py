"""
What is about to be handed to another process.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.protocol import Factory, Protocol

from twisted_cluster.core.codecs import JSON
from twisted_cluster.talk.ears import Ears
from twisted_cluster.talk.giving import prepare
from twisted_cluster.talk.peer import Peer
from twisted_cluster.wire.mail import Mail

# More than the kernel takes of a connection that nobody reads.
MUCH = 1 << 22


class Connection:
    """
    A connection of this process.

    @ivar client: The other end.
    """

    def __init__(self) -> None:
        self.client, ours = socket.socketpair()
        self.client.settimeout(5.0)
        ours.setblocking(False)
        factory = Factory.forProtocol(Protocol)
        self.transport: Any = reactor.adoptStreamConnection(
            ours.fileno(), socket.AF_UNIX, factory
        )
        ours.close()

    @property
    def isRead(self) -> bool:
        """
        Whether this process reads what comes.
        """
        return self.transport in reactor.getReaders()


@pytest.fixture
def connection() -> Iterator[Connection]:
    """
    One that is open.
    """
    made = Connection()
    yield made
    made.transport.abortConnection()
    made.client.close()


@pytest_twisted.ensureDeferred
async def test_whoGivesUpKeepsIt(connection: Connection) -> None:
    """
    While what was written still leaves: it is read on, and may be sent again.
    """
    connection.transport.write(b"x" * MUCH)
    ready = prepare(connection.transport, False)
    assert not connection.isRead
    ready.cancel()
    with pytest.raises(CancelledError):
        await ready
    assert connection.isRead
    again = prepare(connection.transport, False)
    again.addErrback(lambda failure: failure.trap(CancelledError))
    again.cancel()


@pytest_twisted.ensureDeferred
async def test_whatIsOnItsWayIsNotKept(connection: Connection) -> None:
    """
    It cannot be called back, and two processes would read it.
    """
    ours, theirs = Mail.pair()
    peer = Peer(reactor, ours, JSON, Ears(lambda frame: None, lambda error: None))
    filling = peer.send("x" * MUCH, None, b"", False)
    filling.addErrback(lambda failure: None)
    sent = peer.send("it", connection.transport, b"", False)
    sent.cancel()
    with pytest.raises(CancelledError):
        await sent
    assert not connection.isRead
    gone: Deferred[None] = Deferred()
    connection.transport.protocol.connectionLost = lambda reason: gone.callback(None)
    theirs.setblocking(False)
    there = Peer(reactor, theirs, JSON, Ears(lambda frame: None, lambda error: None))
    await gone.addTimeout(5.0, reactor)
    for each in (peer, there):
        each.close()
        each.drop()
