"""
What has arrived with a message.
"""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Union

import pytest
from twisted.internet import reactor
from twisted.internet.protocol import DatagramProtocol, Factory, Protocol
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.wire.poor import fewDescriptors
from twisted_cluster.errors import HandleError
from twisted_cluster.talk.handles import (
    ConnectionHandle,
    DatagramHandle,
    ListeningHandle,
)

Shared = Union[ListeningHandle, DatagramHandle]


def shared(kind: str, tmp_path: Path) -> tuple[Shared, Factory | DatagramProtocol]:
    """
    @return: What another process shares, and what is to serve it.
    """
    family = socket.AF_UNIX if kind == "unix" else socket.AF_INET
    isUDP = kind == "udp"
    made = socket.socket(family, socket.SOCK_DGRAM if isUDP else socket.SOCK_STREAM)
    made.bind(str(tmp_path / "socket") if kind == "unix" else ("127.0.0.1", 0))
    if isUDP:
        return DatagramHandle(made, reactor), DatagramProtocol()
    made.listen()
    return ListeningHandle(made, reactor), Factory.forProtocol(Protocol)


@pytest.mark.parametrize("kind", ["tcp", "unix", "udp"])
def test_whoHasNoDescriptorFreeMayListenLater(kind: str, tmp_path: Path) -> None:
    """
    The handle is kept until then; what was closed, or is listened on, is no more.
    """
    handle, server = shared(kind, tmp_path)
    name = handle.socket.getsockname()
    with fewDescriptors(0), pytest.raises(HandleError, match="now"):
        handle.listen(server)  # type: ignore[arg-type]
    port = handle.listen(server)  # type: ignore[arg-type]
    assert port.socket.getsockname() == name  # type: ignore[attr-defined]
    port.stopListening()
    for _ in range(2):
        with pytest.raises(HandleError, match="Bad file descriptor"):
            handle.listen(server)  # type: ignore[arg-type]
        handle.close()


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
