"""
Closing what somebody else has set to take long.
"""

from __future__ import annotations

import os
import signal
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.process.cluster import eventually
from twisted_cluster.wire.prompt import PromptCloser


@pytest.fixture
def handled() -> Iterator[None]:
    """
    SIGCHLD has a handler, as where a reactor runs.
    """
    before = signal.signal(signal.SIGCHLD, lambda number, frame: None)
    yield
    signal.signal(signal.SIGCHLD, before)


def lingering(peers: list[socket.socket]) -> int:
    """
    A socket that takes ten seconds to close.
    """
    with socket.create_server(("127.0.0.1", 0)) as server:
        one = socket.create_connection(server.getsockname())
        peers.append(server.accept()[0])
    one.setblocking(False)
    with suppress(BlockingIOError):
        while True:
            one.send(bytes(1 << 16))
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 10))
    return one.detach()


def isOpen(fd: int) -> bool:
    """
    Whether there is something with this number.
    """
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def test_nobodyWaitsForWhatLingers(handled: None) -> None:
    """
    However many: they are closed all the same, and it is said.
    """
    closer, peers = PromptCloser(), list[socket.socket]()
    for count in (1, 5, 1):
        fds = [lingering(peers) for _ in range(count)]
        begun = time.monotonic()
        assert not closer.close(fds)
        assert time.monotonic() - begun < 3.0
        eventually(lambda fds=fds: not any(map(isOpen, fds)), "all are closed")
    for peer in peers:
        peer.close()


def test_whatDoesNotLingerIsOnlyClosed(handled: None) -> None:
    """
    Also after a pause, and where the last one has lingered.
    """
    closer, peers = PromptCloser(), list[socket.socket]()
    assert closer.close([os.dup(0), os.dup(0)])
    assert not closer.close([lingering(peers)])
    assert closer.close([os.dup(0)])
    peers.pop().close()


def test_whoHasNoTimeIsNotBlamed(handled: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A thread that gets no CPU, or waits for another one's Python, does not wait for a
    socket.
    """
    closer, close = PromptCloser(), os.close

    def closeLate(fd: int) -> None:
        end = time.monotonic() + 0.1
        while time.monotonic() < end:
            pass
        close(fd)

    monkeypatch.setattr(os, "close", closeLate)
    assert closer.close([os.dup(0), os.dup(0)])
