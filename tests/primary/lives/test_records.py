"""
What workers log.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from twisted.internet.epollreactor import EPollReactor

from tests.logged import Logged
from tests.primary.lives.turning import turn
from twisted_cluster.core.records import Record, packLogRecord
from twisted_cluster.primary.lives.records import RECORDS, Records
from twisted_cluster.primary.lives.said import Said
from twisted_cluster.wire.handoff import KIND


class Log:
    """
    L{Records}, and what a worker has of it.
    """

    def __init__(self, reactor: EPollReactor) -> None:
        ours, self.worker = socket.socketpair(socket.AF_UNIX, KIND)
        self.worker.setblocking(False)
        said = Said(lambda: "worker 1 (100)")
        said.release()
        self.records = Records(reactor, ours, said)

    def close(self) -> None:
        self.records.finish()
        self.worker.close()


@pytest.fixture
def log(reactor: EPollReactor) -> Iterator[Log]:
    """
    A worker's log.
    """
    made = Log(reactor)
    yield made
    made.close()


def test_recordsAreLogged(reactor: EPollReactor, log: Log, logged: Logged) -> None:
    """
    With their level.
    """
    log.worker.send(packLogRecord(Record("warn", "app", "two\nlines")))
    turn(reactor)
    (event,) = logged.events
    assert (event["log_level"].name, event["text"]) == ("warn", "two\nlines")


@pytest.mark.parametrize("data", [b"", b"[" * 50_000, b"{}", b"\xff", b"x" * 90_000])
def test_whatIsNoRecordIsAnEventLikeAnyOther(
    reactor: EPollReactor, log: Log, logged: Logged, data: bytes
) -> None:
    """
    It is told, and the next is read.
    """
    log.worker.send(data)
    log.worker.send(packLogRecord(Record("info", "-", "next")))
    turn(reactor, 2)
    assert logged.texts()[-1] == "next"
    assert len(logged.events) == (2 if data else 1)


def test_aBoundedNumberIsReadInATurn(
    reactor: EPollReactor, log: Log, logged: Logged
) -> None:
    """
    The others come in the next.
    """
    for number in range(RECORDS + 10):
        log.worker.send(packLogRecord(Record("info", "-", str(number))))
    turn(reactor)
    assert len(logged.events) == RECORDS
    turn(reactor)
    assert len(logged.events) == RECORDS + 10


def test_lastRecordsAreLogged(log: Log, logged: Logged) -> None:
    """
    Those that the worker has sent before it died; then the log is closed.
    """
    for number in range(100):
        log.worker.send(packLogRecord(Record("info", "-", str(number))))
    log.records.finish()
    assert len(logged.events) == 100
    with pytest.raises(OSError, match=r"Broken pipe|reset"):
        log.worker.send(b"{}")


def test_endOfTheLogIsNoFailure(reactor: EPollReactor, log: Log, logged: Logged) -> None:
    """
    A worker that is gone logs nothing more.
    """
    log.worker.close()
    turn(reactor, 3)
    assert logged.events == []
