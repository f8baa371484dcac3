"""
News of sockets, told once.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from twisted_cluster.wire.edges import MOST_EVENTS, Edges

pytestmark = pytest.mark.usefixtures("nothingLeft")


@pytest.fixture
def edges() -> Iterator[Edges]:
    """
    Watches nothing yet.
    """
    made = Edges()
    yield made
    made.close()


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """
    What is watched, and what writes to it.
    """
    watched, other = socket.socketpair()
    with watched, other:
        yield watched, other


def test_newsIsToldOnce(edges: Edges, ends: tuple[socket.socket, socket.socket]) -> None:
    """
    Each time that more has come, though nobody reads.
    """
    watched, other = ends
    edges.add(watched.fileno())
    assert list(edges.news()) == []
    for _ in range(3):
        other.send(b"x")
        assert list(edges.news()) == [(watched.fileno(), False)]
        assert list(edges.news()) == []
    assert watched.recv(10) == b"xxx"


def test_whatCameBeforeIsNews(
    edges: Edges, ends: tuple[socket.socket, socket.socket]
) -> None:
    """
    It is told when the socket is added.
    """
    watched, other = ends
    other.send(b"x")
    edges.add(watched.fileno())
    assert list(edges.news()) == [(watched.fileno(), False)]


@pytest.mark.parametrize("how", [socket.SHUT_WR, None])
def test_theEndIsToldAsSuch(
    edges: Edges, ends: tuple[socket.socket, socket.socket], how: int | None
) -> None:
    """
    Half closed or closed: nothing more can come.
    """
    watched, other = ends
    edges.add(watched.fileno())
    if how is None:
        other.close()
    else:
        other.shutdown(how)
    assert list(edges.news()) == [(watched.fileno(), True)]
    assert list(edges.news()) == []


def test_whatIsRemovedIsSilent(
    edges: Edges, ends: tuple[socket.socket, socket.socket]
) -> None:
    """
    Also where another process has it open; it may be added again.
    """
    watched, other = ends
    copy = os.dup(watched.fileno())
    edges.add(watched.fileno())
    edges.remove(watched.fileno())
    other.send(b"x")
    assert list(edges.news()) == []
    edges.add(watched.fileno())
    assert list(edges.news()) == [(watched.fileno(), False)]
    os.close(copy)


def test_whatCannotBeWatchedIsAnError(edges: Edges) -> None:
    """
    A closed descriptor, or a file.
    """
    with socket.socket() as closed:
        fd = closed.fileno()
    with pytest.raises(OSError, match="descriptor"):
        edges.add(fd)
    with open(__file__) as file, pytest.raises(OSError, match="permitted"):
        edges.add(file.fileno())


def test_muchNewsIsToldInParts(edges: Edges) -> None:
    """
    One turn of the loop is not all news; nothing is lost.
    """
    pairs = [socket.socketpair() for _ in range(MOST_EVENTS // 2 + 100)]
    watched = [end for pair in pairs for end in pair]
    for end in watched:
        edges.add(end.fileno())
    for one, other in pairs:
        one.send(b"x")
        other.send(b"x")
    first = [fd for fd, _ in edges.news()]
    assert len(first) == MOST_EVENTS
    rest = [fd for fd, _ in edges.news()]
    assert sorted(first + rest) == sorted(end.fileno() for end in watched)
    for end in watched:
        end.close()
