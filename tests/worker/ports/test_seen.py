"""
Connections that another worker may have still.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator

import pytest

from tests.worker.doubles import FakeControl, Worker
from twisted_cluster.primary.ports.saying import factsOf
from twisted_cluster.wire.handed import SEEN, Handed
from twisted_cluster.worker.ports.standing import DeliveredSocket

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def seen() -> Iterator[Pair]:
    """
    A connection as a port accepts it, and what another worker has of it.
    """
    worker = Worker(FakeControl())
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = DeliveredSocket(factsOf(listening), 1, worker.register.endings)
        client = socket.create_connection(listening.getsockname())
        served, name = listening.accept()
    port.handed.append(Handed(served.dup().detach(), 1, name, flags=SEEN))
    accepted, _ = port.accept()
    port.close()
    accepted.setblocking(False)
    with client, served, accepted:
        yield accepted, served
    worker.close()


def fill(end: socket.socket) -> None:
    """
    Send more than anybody has room for.
    """
    for _ in range(1000):
        end.send(bytes(1 << 20))


def test_nothingWaits(seen: Pair) -> None:
    """
    Although another lets it block.
    """
    accepted, served = seen
    served.setblocking(True)
    with pytest.raises(BlockingIOError):
        accepted.recv(1)
    with pytest.raises(BlockingIOError):
        fill(accepted)


def test_nothingLingers(seen: Pair) -> None:
    """
    Although another wants that.
    """
    accepted, served = seen
    served.setblocking(False)
    with pytest.raises(BlockingIOError):
        fill(served)
    linger = struct.pack("ii", 1, 60)
    served.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    served.close()
    begun = time.monotonic()
    accepted.close()
    assert time.monotonic() - begun < 10.0
