"""
Sockets that are somebody else's.
"""

from __future__ import annotations

import socket

import pytest

from twisted_cluster.wire.borrowed import Borrowed
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
