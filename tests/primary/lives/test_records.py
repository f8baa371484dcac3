"""
What workers log.
"""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator, Sequence

import pytest
from twisted.internet.epollreactor import EPollReactor

from tests.leftovers import openNow
from tests.logged import Logged
from tests.primary.lives.turning import turn
from twisted_cluster.core.records import ALONG, LONGEST_RECORD, packRecord
from twisted_cluster.errors import ClusterError
from twisted_cluster.primary.lives import records as module
from twisted_cluster.primary.lives.records import MOST_REFUSED, RECORDS, Records
from twisted_cluster.primary.lives.said import Said, Speaker
from twisted_cluster.wire import memfd
from twisted_cluster.wire.handoff import KIND
from twisted_cluster.wire.passing import give


def record(text: str, level: str = "info", **more: object) -> bytes:
    """
    What a worker sends.
    """
    event = {"log_level": level, "log_namespace": "shop", "log_time": 1.8e9}
    return packRecord({**event, "log_format": text, **more})


class Log:
    """
    L{Records}, and what a worker has of it.
    """

    def __init__(self, reactor: EPollReactor, rate: float = 0) -> None:
        ours, self.worker = socket.socketpair(socket.AF_UNIX, KIND)
        self.worker.setblocking(False)
        said = Said(lambda: Speaker(1, 1, 1, 100), rate=rate)
        said.release()
        self.refused: list[ClusterError] = []
        self.records = Records(reactor, ours, said, self.refused.append)

    def sendAlong(self, fds: Sequence[int]) -> None:
        """
        Send descriptors, and close them here.
        """
        give(self.worker, (ALONG,), fds)
        for fd in fds:
            os.close(fd)

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
    log.worker.send(record("two\nlines", "warn"))
    turn(reactor)
    (event,) = logged.events
    assert event["log_level"].name == "warn"
    assert logged.texts() == ["two\nlines"]


def test_longOnesComeAlong(reactor: EPollReactor, log: Log, logged: Logged) -> None:
    """
    In a file, which is closed then.
    """
    before = len(openNow())
    log.sendAlong([memfd.holding(record("x" * 900_000))])
    while not logged.events:
        turn(reactor)
    assert logged.texts() == ["x" * 900_000]
    # Reactors of other tests may be collected meanwhile.
    assert len(openNow()) <= before


@pytest.mark.parametrize(
    "data",
    [b"", b"[" * 50_000, b"{}", b"\xff", b"x" * 90_000, ALONG, record("x", "loud")],
)
def test_whatIsNoRecordIsAnEventLikeAnyOther(
    reactor: EPollReactor, log: Log, logged: Logged, data: bytes
) -> None:
    """
    It is told as one error, and the next is read.
    """
    log.worker.send(data)
    log.worker.send(record("next"))
    turn(reactor, 2)
    *told, following = logged.events
    assert following["log_format"] == "next"
    shown = [(event["log_level"].name, event["cluster_worker"]) for event in told]
    assert shown == [("error", 1)]


def directory() -> int:
    return os.open("/", os.O_RDONLY)


def pipe() -> int:
    """
    One that nothing ever comes from.
    """
    reading, writing = os.pipe()
    os.close(os.dup(writing))
    _writing.append(writing)
    return reading


_writing: list[int] = []


def file() -> int:
    with tempfile.TemporaryFile(dir="/var/tmp") as made:
        made.write(record("x"))
        made.flush()
        return os.dup(made.fileno())


def zeros() -> int:
    return os.open("/dev/zero", os.O_RDONLY)


def tooLong() -> int:
    return memfd.holding(record("x" * LONGEST_RECORD))


def empty() -> int:
    return memfd.holding(b"")


@pytest.mark.parametrize("make", [directory, pipe, file, zeros, tooLong, empty])
def test_noOtherFileIsRead(
    reactor: EPollReactor, log: Log, logged: Logged, make: object
) -> None:
    """
    Reading it might never end.
    """
    log.sendAlong([make()])  # type: ignore[operator]
    log.worker.send(record("next"))
    turn(reactor, 2)
    told, following = logged.events
    assert (told["log_level"].name, following["log_format"]) == ("error", "next")
    while _writing:
        os.close(_writing.pop())


def test_moreFilesAreClosed(reactor: EPollReactor, log: Log, logged: Logged) -> None:
    """
    Nobody needs more than one.
    """
    log.sendAlong([memfd.holding(record("one")) for _ in range(3)])
    turn(reactor)
    assert [event["log_level"].name for event in logged.events] == ["error"]


def test_aBoundedNumberIsReadInATurn(
    reactor: EPollReactor, log: Log, logged: Logged
) -> None:
    """
    The others come in the next ones.
    """
    for number in range(RECORDS + 10):
        log.worker.send(record(str(number)))
    turn(reactor)
    assert 0 < len(logged.events) <= RECORDS
    while len(logged.events) < RECORDS + 10:
        turn(reactor)


def test_longOnesTakeSomeTurnsEach(
    reactor: EPollReactor, log: Log, logged: Logged
) -> None:
    """
    Of which none takes long; all are logged in their order.
    """
    for number in range(3):
        log.sendAlong([memfd.holding(record("x" * 900_000, n=number))])
    log.worker.send(record("short"))
    for count in range(3):
        for _ in range(3):
            turn(reactor)
            assert len(logged.events) == count
        while len(logged.events) == count:
            turn(reactor)
        assert logged.events[count]["n"] == count
    while len(logged.events) < 4:
        turn(reactor)
    assert logged.texts()[-1] == "short"


def test_aLongOneIsLastAsWell(reactor: EPollReactor, log: Log, logged: Logged) -> None:
    """
    Also if some of its turns have been.
    """
    log.sendAlong([memfd.holding(record("x" * 900_000))])
    log.worker.send(record("short"))
    turn(reactor, 2)
    assert not logged.events
    log.records.finish()
    assert [len(text) for text in logged.texts()] == [900_000, 5]


def test_aLongOneThatIsNoneIsTold(
    reactor: EPollReactor, log: Log, logged: Logged
) -> None:
    """
    And what comes next is read.
    """
    log.sendAlong([memfd.holding(b"x" * 900_000)])
    log.worker.send(record("next"))
    while len(logged.events) < 2:
        turn(reactor)
    assert [event["log_level"].name for event in logged.events] == ["error", "info"]


def test_longOnesThatAreTooMuchAreNotRead(reactor: EPollReactor, logged: Logged) -> None:
    """
    They are counted, and closed.
    """
    log = Log(reactor, rate=0.01)
    before = len(openNow())
    for _ in range(3):
        log.sendAlong([memfd.holding(record("x" * 900_000))])
    while reactor.getDelayedCalls() or not logged.events:
        turn(reactor)
    log.close()
    assert len(openNow()) <= before
    assert len(logged.texts()[0]) == 900_000
    assert logged.texts()[-1].endswith("2 lines left out")


def test_lastRecordsAreLogged(log: Log, logged: Logged) -> None:
    """
    Those that the worker has sent before it died; then the log is closed.
    """
    for number in range(100):
        log.worker.send(record(str(number)))
    log.records.finish()
    assert len(logged.events) == 100
    with pytest.raises(OSError, match=r"Broken pipe|reset"):
        log.worker.send(b"{}")


@pytest.mark.parametrize(("limit", "most"), [("LAST_ALONG", 1000), ("LAST_LONG", 0.001)])
def test_tooManyLastOnesAreTold(
    log: Log,
    logged: Logged,
    monkeypatch: pytest.MonkeyPatch,
    limit: str,
    most: float,
) -> None:
    """
    Nobody waits for those of a worker that is gone.
    """
    monkeypatch.setattr(module, limit, most)
    for number in range(100):
        log.worker.send(record(str(number)))
    log.records.finish()
    assert 1 < len(logged.events) < 100
    assert "too much waited when it ended" in logged.texts()[-1]


def test_endOfTheLogIsNoFailure(reactor: EPollReactor, log: Log, logged: Logged) -> None:
    """
    A worker that is gone logs nothing more.
    """
    log.worker.close()
    turn(reactor, 3)
    assert logged.events == []


def test_whoLogsTooMuchIsReadLess(reactor: EPollReactor, logged: Logged) -> None:
    """
    What is more than it may log is left out and counted; what it says last is logged
    all the same.
    """
    log = Log(reactor, rate=0.01)
    for number in range(5):
        log.worker.send(record(f"{number}"))
    turn(reactor)
    assert reactor.getDelayedCalls()
    log.worker.send(record("last"))
    turn(reactor)
    log.close()
    why = "it logs more than 0.01 lines a second (--log-rate): "
    assert logged.texts() == [
        "0",
        f"{why}what is more is left out",
        "last",
        f"{why}4 lines left out",
    ]


def test_whoLogsNonsenseAgainAndAgainIsRefused(
    reactor: EPollReactor, log: Log, logged: Logged
) -> None:
    """
    The log has each until then.
    """
    for _ in range(MOST_REFUSED + 9):
        log.worker.send(b"nonsense")
        turn(reactor)
    assert len(logged.events) == MOST_REFUSED - 1
    (error,) = log.refused
    assert str(error).startswith("100 times it has logged what is no record, such as")
