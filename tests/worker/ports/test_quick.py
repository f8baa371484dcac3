"""
Connections that are made with fewer calls.
"""

from __future__ import annotations

import socket
from typing import Any

import pytest
from twisted.internet import tcp
from twisted.internet.protocol import Factory, Protocol

from tests.worker.doubles import FakeControl, Worker
from twisted_cluster.core.messages import SHARED
from twisted_cluster.events import ListenOptions
from twisted_cluster.worker.ports import quick as module
from twisted_cluster.worker.ports.connections import CountedServer
from twisted_cluster.worker.ports.quick import (
    QuickCountedServer,
    QuickServer,
    isAlike,
    serverKind,
)
from twisted_cluster.worker.ports.stream_ports import TCPPort


class Richer(tcp.Server):
    """
    What a later Twisted may make.
    """

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.more = 1


class Blocking(tcp.Server):
    """
    One that does something else with its socket.
    """

    def __init__(self, sock: Any, *given: Any) -> None:
        super().__init__(sock, *given)
        sock.setblocking(True)


class Late(tcp.Server):
    """
    One that is not read at once.
    """

    def startReading(self) -> None:
        """
        Not yet.
        """


class Failing(tcp.Server):
    """
    One that takes something else.
    """

    def __init__(self) -> None:
        """
        Nothing.
        """


def test_theQuickOneIsAsTwistedsOwn() -> None:
    """
    It has the same attributes, and has told its socket and the reactor the same.
    """
    assert isAlike(tcp.Server, QuickServer)
    assert serverKind() is QuickCountedServer


@pytest.mark.parametrize("other", [Richer, Blocking, Late])
def test_whatTwistedDoesBesidesIsSeen(other: type[tcp.Server]) -> None:
    """
    Whatever it is.
    """
    assert not isAlike(other, QuickServer)


@pytest.mark.parametrize("other", [Richer, Failing])
def test_whereTwistedDoesMoreItsOwnIsUsed(
    other: type[tcp.Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Also where it cannot be tried.
    """
    monkeypatch.setattr(module.tcp, "Server", other)
    assert serverKind() is CountedServer


def test_whatTheApplicationHasChangedIsCalled(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    By ports that are made from then on.
    """
    with socket.create_server(("127.0.0.1", 0)) as listening:
        worker = Worker(FakeControl(listening, SHARED))
        monkeypatch.setattr(module.tcp, "Server", Richer)
        factory, options = Factory.forProtocol(Protocol), ListenOptions()
        made = TCPPort(1, factory, 50, "127.0.0.1", worker.reactor, options)
        assert made.transport is CountedServer
        worker.close()
