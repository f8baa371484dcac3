"""
Ports of datagrams.
"""

from __future__ import annotations

import socket
from types import SimpleNamespace

from twisted.internet.protocol import DatagramProtocol
from twisted.internet.testing import MemoryReactor

from twisted_cluster.wire.handoff import Handed
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
    protocol, ended = Hearing(), []
    port = UDPPort(0, protocol, "127.0.0.1", 100, MemoryReactor())
    port.socket = None
    port.link = SimpleNamespace(
        intake=SimpleNamespace(endings=SimpleNamespace(count=ended.append))
    )
    handed = Handed(left.detach(), 1, "", 0)
    assert port.deliver([handed]) == ()
    assert (protocol.heard, ended) == ([b"hello"], [handed])
