"""
Sockets that are somebody else's.
"""

from __future__ import annotations

import socket

import pytest

from tests.leftovers import openNow
from twisted_cluster.wire.borrowed import Borrowed, Unasked, familyOf
from twisted_cluster.wire.handoff import nameOf


def test_whatIsLentIsNotClosed() -> None:
    """
    Also where who borrowed it fails.
    """
    with socket.create_server(("127.0.0.1", 0)) as owned:
        with Borrowed(owned.fileno()) as lent:
            assert lent.getsockname() == owned.getsockname()
        with pytest.raises(KeyError), Borrowed(owned.fileno()):
            raise KeyError
        assert nameOf(owned.fileno()) == owned.getsockname()


def test_anAbstractNameIsText() -> None:
    """
    And an unnamed one is empty.
    """
    with socket.socket(socket.AF_UNIX) as named, socket.socket(socket.AF_UNIX) as unnamed:
        named.bind(b"\0twisted_cluster.test")
        assert nameOf(named.fileno()) == "\0twisted_cluster.test"
        assert nameOf(unnamed.fileno()) == ""


def test_whatIsNoSocketIsAnError() -> None:
    """
    And stays open.
    """
    with open(__file__) as file:
        with pytest.raises(OSError, match="socket"):
            nameOf(file.fileno())
        assert file.read(1)


def test_whatIsUnaskedIsTheSameSocket() -> None:
    """
    And stays open.
    """
    one, two = socket.socketpair()
    with one, two:
        two.send(b"here")
        with Unasked(one.fileno()) as lent:
            assert lent.recv(10, socket.MSG_PEEK) == b"here"
            assert familyOf(lent) == socket.AF_UNIX
        assert one.recv(10) == b"here"


def test_aFileIsNotAsked() -> None:
    before = openNow()
    with open(__file__) as file, pytest.raises(OSError, match="socket"):
        Unasked(file.fileno())
    assert openNow() == before
