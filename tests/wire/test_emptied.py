"""
Which sockets somebody has read from who is at their other ends.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator

import pytest

from twisted_cluster.wire.emptied import Emptied

pytestmark = pytest.mark.skipif(not hasattr(select, "epoll"), reason="only Linux says so")


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """
    The one that is sent from, and the other.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        yield ours, theirs


def isReadable(emptied: Emptied) -> bool:
    """
    Whether a reactor would say that there is something to tell.
    """
    return bool(select.select([emptied.fileno()], [], [], 0)[0])


def test_eachTimeThatSomethingIsReceived(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    """
    It is told once, and not when something is sent, here or there.
    """
    ours, theirs = ends
    emptied = Emptied()
    emptied.add(ours.fileno())
    assert list(emptied.since()) == [ours.fileno()]
    for _ in range(3):
        ours.send(b"one")
        ours.send(b"two")
        theirs.send(b"back")
        assert not isReadable(emptied)
        assert list(emptied.since()) == []
        for _ in range(2):
            theirs.recv(10)
            assert isReadable(emptied)
            assert list(emptied.since()) == [ours.fileno()]
            assert list(emptied.since()) == []


def test_whatIsRemovedIsNotTold(ends: tuple[socket.socket, socket.socket]) -> None:
    """
    Whoever receives from it.
    """
    ours, theirs = ends
    emptied = Emptied()
    emptied.add(ours.fileno())
    ours.send(b"one")
    emptied.remove(ours.fileno())
    theirs.recv(10)
    assert list(emptied.since()) == []
    with pytest.raises(FileNotFoundError):
        emptied.remove(ours.fileno())
