"""
A worker's log, on its way.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from twisted.logger import LogEvent, LogLevel

from twisted_cluster.core.records import ALONG, CUT, LONGEST_RECORD, readRecord
from twisted_cluster.wire import memfd
from twisted_cluster.wire.handoff import KIND
from twisted_cluster.wire.passing import closeAll, take
from twisted_cluster.worker import logs as module
from twisted_cluster.worker.logs import RecordWriter

Ends = tuple[RecordWriter, socket.socket]


@pytest.fixture
def ends() -> Iterator[Ends]:
    """
    What writes, and the primary's end.
    """
    primary, worker = socket.socketpair(socket.AF_UNIX, KIND)
    primary.setblocking(False)
    with primary, worker:
        yield RecordWriter(worker), primary


def event(text: str, level: str = "info") -> LogEvent:
    known = LogLevel.lookupByName(level)
    return {"log_level": known, "log_namespace": "here", "log_format": text}


def read(primary: socket.socket) -> list[dict[str, object]]:
    """
    What has arrived.
    """
    come = []
    while True:
        try:
            data, fds, _, _ = take(primary, 1 << 17, 1)
        except BlockingIOError:
            return come
        if fds:
            assert data == ALONG
            data = memfd.read(fds[0], LONGEST_RECORD)
            closeAll(fds)
        come.append(readRecord(data))


def textsOf(primary: socket.socket) -> list[object]:
    return [one["log_format"] for one in read(primary)]


@pytest.mark.parametrize("isRefused", [False, True])
def test_whatTheBufferIsTooSmallForIsTold(
    ends: Ends, monkeypatch: pytest.MonkeyPatch, isRefused: bool
) -> None:
    """
    Somebody has made the buffers of all sockets small (net.core.wmem_default): what is
    longer goes along; where there are no files in memory, its text is cut.
    """
    writer, primary = ends
    writer._end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
    if isRefused:
        monkeypatch.delattr(os, "memfd_create")
    for size in (20_000, 4_000, 100):
        writer(event("x" * size))
        (told,) = read(primary)
        text = str(told.get("log_text", told["log_format"]))
        assert set(text[:100]) == {"x"}
        assert isRefused or len(text) == size


@pytest.mark.timeout(20)
def test_whoDoesNotReadHoldsUpForAWhile(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
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
    came = textsOf(primary)
    assert came == [f"{n}" for n in range(len(came))]
    writer(event("again"))
    told, again = read(primary)
    assert (told["log_level"], again["log_format"]) == ("warn", "again")
    assert f"{count - len(came)} records" in str(told["log_text"])


@pytest.mark.timeout(20)
def test_longOnesThatNobodyReadsAreLost(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    As short ones; no file of theirs stays open here.
    """
    monkeypatch.setattr(module, "PATIENCE", 0.2)
    writer, primary = ends
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(400):
        writer(event("x" * 100_000))
    assert len(os.listdir("/proc/self/fd")) == before
    came = len(read(primary))
    assert 0 < came < 400
    writer(event("again"))
    assert f"{400 - came} records" in str(read(primary)[0]["log_text"])


@pytest.mark.timeout(20)
def test_aPrimaryThatIsGoneHoldsNobodyUp(ends: Ends) -> None:
    """
    There is nowhere to say anything.
    """
    writer, primary = ends
    primary.close()
    for n in range(2000):
        writer(event(f"{n}"))
    writer(event("x" * 100_000))


def test_onlyWhatIsWantedIsTold() -> None:
    """
    Of the rest the primary does not even hear.
    """
    primary, worker = socket.socketpair(socket.AF_UNIX, KIND)
    primary.setblocking(False)
    levels = ("debug", "info", "warn", "error", "critical")
    with primary, worker:
        for least in levels:
            writer = RecordWriter(worker, least)
            for level in levels:
                writer(event(level, level))
            assert textsOf(primary) == list(levels[levels.index(least) :])
            # What has no level, or an odd one, is said as if it were ordinary.
            for odd in (None, 3, "warn"):
                writer({"log_format": "odd", "log_level": odd})
            assert textsOf(primary) == ["odd"] * 3


@pytest.mark.parametrize("size", [100_000, 900_000])
def test_longOnesGoAlong(ends: Ends, size: int) -> None:
    """
    All of them is there.
    """
    writer, primary = ends
    writer(event("x" * size))
    assert textsOf(primary) == ["x" * size]


def test_whereTheyCannotTheyAreCut(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Not every system has files in memory.
    """
    monkeypatch.delattr(os, "memfd_create")
    writer, primary = ends
    writer(event("x" * 100_000))
    (come,) = read(primary)
    assert str(come["log_text"]).endswith("x" + CUT)


@pytest.mark.timeout(20)
def test_threadsTearNothing(ends: Ends) -> None:
    """
    Many at once, with records of all sizes.
    """
    writer, primary = ends
    count, size = 8, 200
    come: list[object] = []

    def write(name: str) -> None:
        for n in range(size):
            writer(event(name * (10 ** (n % 6))))

    threads = [threading.Thread(target=write, args=(f"{n}",)) for n in range(count)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        come += textsOf(primary)
    come += textsOf(primary)
    assert len(come) == count * size
    assert all(len(set(str(text))) == 1 for text in come)


def inChild(act: object) -> None:
    """
    Do something in a forked child, and wait for its end.
    """
    pid = os.fork()
    if pid == 0:
        try:
            act()  # type: ignore[operator]
        finally:
            os._exit(0)
    os.waitpid(pid, 0)


def test_childrenSayWhatTheySay(ends: Ends) -> None:
    """
    As a process that twistd has forked would.
    """
    writer, primary = ends
    inChild(lambda: writer(event("from a child")))
    writer(event("from its parent"))
    assert textsOf(primary) == ["from a child", "from its parent"]


def test_noOtherHearsIt() -> None:
    """
    In a child that is to become another program the number may be that of a connection
    to a client.
    """
    primary, worker = socket.socketpair(socket.AF_UNIX, KIND)
    client, served = socket.socketpair()
    with primary, worker, client, served:
        client.setblocking(False)
        writer = RecordWriter(worker)

        def act() -> None:
            os.dup2(served.fileno(), worker.fileno())
            writer(event("to the client"))
            writer(event("x" * 100_000))
            os.close(worker.fileno())
            writer(event("to nobody"))

        inChild(act)
        with pytest.raises(BlockingIOError):
            client.recv(1)
