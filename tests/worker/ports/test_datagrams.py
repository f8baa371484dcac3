"""
Ports of datagrams.
"""

from __future__ import annotations

import os
import socket

import pytest
from twisted.internet.protocol import DatagramProtocol

from tests.wire.poor import fewDescriptors
from tests.worker.doubles import FakeControl, Worker
from twisted_cluster.core.messages import GROUP
from twisted_cluster.events import ListenOptions
from twisted_cluster.wire.handed import Handed
from twisted_cluster.worker.ports.datagrams import UDPPort


class Hearing(DatagramProtocol):
    """
    Keeps what it hears.
    """

    def __init__(self) -> None:
        self.heard: list[bytes] = []

    def datagramReceived(self, data: bytes, address: object) -> None:
        self.heard.append(data)


def test_emptiedSocketsAreNoLongerCounted() -> None:
    """
    What a worker that left had not read is heard; its socket counts as ended, where
    connections are counted.
    """
    left = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    left.setblocking(False)
    left.bind(("127.0.0.1", 0))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.sendto(b"hello", left.getsockname())
    protocol, worker = Hearing(), Worker(FakeControl(), tallies=3)
    options = ListenOptions()
    port = UDPPort(0, protocol, "127.0.0.1", 100, worker.reactor, options)
    port.socket = None
    handed = Handed(left.detach(), 1, "")
    assert port.deliver([handed]) == ()
    assert protocol.heard == [b"hello"]
    assert list(worker.page.ended) == [1, 1, 0]
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(handed.fd)
    worker.close()


def test_aPortIsClosedWithoutAFreeDescriptor() -> None:
    """
    And the primary knows it.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as real:
        real.bind(("127.0.0.1", 0))
        worker = Worker(FakeControl(real, GROUP))
        options = ListenOptions()
        port = UDPPort(1, Hearing(), "127.0.0.1", 100, worker.reactor, options)
        port.startListening()
        with fewDescriptors(0):
            port.connectionLost()
        assert worker.control.left == [1]
        assert not hasattr(port, "socket")
        worker.close()
