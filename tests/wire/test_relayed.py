"""
Datagrams that the primary has read.
"""

from __future__ import annotations

import os
import socket
import sys

import pytest

from twisted_cluster.wire.relayed import RelayedSocket, relay, relayed

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs files in memory")
SENT = [
    (b"one", ("127.0.0.1", 1)),
    (b"", ("::1", 65535, 0, 0)),
    (bytes(range(256)) * 255, ("fe80::1", 7, 0, 2)),
]


def test_theyAreWhatTheyWere() -> None:
    """
    In order, with who has sent them.
    """
    fd = relay(SENT)
    assert list(relayed(fd)) == list(relayed(fd)) == SENT
    os.close(fd)


def test_aPortReadsThem() -> None:
    """
    As it reads its socket; what it is asked otherwise that one says.
    """
    with socket.socket(type=socket.SOCK_DGRAM) as own:
        made = RelayedSocket(own, SENT)
        assert made.fileno() == own.fileno()
        assert made.recvfrom(2) == (b"on", ("127.0.0.1", 1))
        assert [made.recvfrom(70000), made.recvfrom(70000)] == SENT[1:]
        with pytest.raises(BlockingIOError):
            made.recvfrom(1)
