"""
A worker's log records: what they say, and on their way.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest
from twisted.logger import LogEvent, LogLevel

from twisted_cluster.core.records import Record, readLogRecord
from twisted_cluster.wire.handoff import KIND
from twisted_cluster.worker import logs as module
from twisted_cluster.worker.logs import RecordWriter


@pytest.fixture
def ends() -> Iterator[tuple[RecordWriter, socket.socket]]:
    """
    What writes, and the primary's end.
    """
    primary, worker = socket.socketpair(socket.AF_UNIX, KIND)
    primary.setblocking(False)
    with primary, worker:
        yield RecordWriter(worker), primary


def event(text: str) -> LogEvent:
    return {"log_level": LogLevel.info, "log_namespace": "here", "log_format": text}


def read(primary: socket.socket) -> list[Record]:
    """
    What has arrived.
    """
    come = []
    while True:
        try:
            come.append(readLogRecord(primary.recv(1 << 17)))
        except BlockingIOError:
            return come


@pytest.mark.timeout(20)
def test_whoDoesNotReadHoldsUpForAWhile(
    ends: tuple[RecordWriter, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Once, not for each record; who reads again is told how many are lost.
    """
    monkeypatch.setattr(module, "PATIENCE", 0.2)
    writer, primary = ends
    count, begun = 2000, time.monotonic()
    for n in range(count):
        writer(event(f"{n}"))
    assert 0.2 <= time.monotonic() - begun < 5.0
    came = read(primary)
    assert [record.text for record in came] == [f"{n}" for n in range(len(came))]
    writer(event("again"))
    told, again = read(primary)
    assert (told.level, again.text) == ("warn", "again")
    assert f"{count - len(came)} records" in told.text


@pytest.mark.timeout(20)
def test_aPrimaryThatIsGoneHoldsNobodyUp(
    ends: tuple[RecordWriter, socket.socket],
) -> None:
    """
    There is nowhere to say anything.
    """
    writer, primary = ends
    primary.close()
    for n in range(2000):
        writer(event(f"{n}"))


def test_levelIsToBeSeen(ends: tuple[RecordWriter, socket.socket]) -> None:
    """
    As in the log of one process, beside who says it.
    """
    writer, primary = ends
    writer({"log_format": "slow", "log_namespace": "shop", "log_level": LogLevel.warn})
    assert read(primary) == [Record("warn", "shop#warn", "slow")]


def test_whoeverNamesItselfKeepsItsName(
    ends: tuple[RecordWriter, socket.socket],
) -> None:
    """
    What twisted.python.log writes has names such as C{-} and C{HTTPChannel,1}.
    """
    writer, primary = ends
    writer({"log_format": "hello", "log_system": "-", "log_level": LogLevel.info})
    assert read(primary) == [Record("info", "-", "hello")]
