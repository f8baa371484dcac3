"""
Sockets of the primary's that a worker was born with.
"""

from __future__ import annotations

import socket

import pytest
from twisted.logger import LogEvent, globalLogPublisher

from twisted_cluster.worker.ports.given import GivenSockets


def test_duplicatesAreKnownAgain() -> None:
    """
    What has come to the same number since is not.
    """
    with socket.socket() as one, socket.socket() as other:
        number = one.fileno()
        given = GivenSockets([number, 987654])
        with one.dup() as copy:
            assert given.numberOf(copy.fileno()) == number
        assert given.numberOf(other.fileno()) is None
        one.detach()
        with pytest.raises(OSError, match="Bad file"):
            given.numberOf(987654)
        socket.close(number)
        with socket.socket() as later:
            assert given.numberOf(later.fileno()) is None


def test_whoListensOnAStandInIsWarned() -> None:
    """
    Once it is too late to do anything else; not of a real port.
    """
    said: list[LogEvent] = []
    globalLogPublisher.addObserver(said.append)
    try:
        with socket.socket() as standIn, socket.create_server(("127.0.0.1", 0)) as real:
            given = GivenSockets([standIn.fileno(), real.fileno()])
            given.warn()
            assert said == []
            standIn.listen()
            given.warn()
            assert [event["number"] for event in said] == [standIn.fileno()]
    finally:
        globalLogPublisher.removeObserver(said.append)
