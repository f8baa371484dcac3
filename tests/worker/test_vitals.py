"""
What the primary sees of a worker without asking.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from twisted_cluster.wire.limit import currentLimit
from twisted_cluster.wire.page import Page
from twisted_cluster.worker import vitals
from twisted_cluster.worker.descriptors import Descriptors
from twisted_cluster.worker.vitals import GRAIN, MEASURE_EVERY, SMOOTHING, Vitals

FEW = 300


class Fixed(Descriptors):
    """
    As many as the limit says: it cannot be raised.
    """

    def look(self) -> None:
        self.limit = self.most = currentLimit()
        self.isRaised = True


@pytest.fixture
def fewDescriptors() -> Iterator[None]:
    """
    This process may open fewer files for a while.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    few = max(FEW, max(map(int, os.listdir("/proc/self/fd"))) + FEW)
    resource.setrlimit(resource.RLIMIT_NOFILE, (few, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextmanager
def openFiles(most: int) -> Iterator[list[int]]:
    """
    Have files open, as many as there may be.
    """
    fds: list[int] = []
    with suppress(OSError):
        for _ in range(most):
            fds.append(os.open(os.devnull, os.O_RDONLY))
    try:
        yield fds
    finally:
        for fd in fds:
            os.close(fd)


@pytest.fixture(params=["/proc/self/fd", "/nowhere"])
def counting(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """
    Where the number of open descriptors is read, and a system that does not say it.
    """
    monkeypatch.setattr(vitals, "DESCRIPTORS", request.param)
    return str(request.param)


def test_beatsShowLifeAndLateness(page: Page) -> None:
    """
    Lateness is a moving average, which goes up and down again, without what poll(2) is
    late by anyway.
    """
    life = Vitals(page, page.fileno, Fixed(None))
    life.beat(1, GRAIN)
    assert (page.heartbeat, page.lag, page.born) == (1, 0, 0)
    life.beat(2, GRAIN + 1000 * SMOOTHING)
    assert page.lag == 1000
    for now in range(3, 100):
        life.beat(now, 0)
    assert page.lag == 0
    assert page.heartbeat == 99


def test_measuresOnceASecond(page: Page) -> None:
    """
    The processor's time and the memory are measured at most once a second.
    """
    life = Vitals(page, page.fileno, Fixed(None))
    life.beat(MEASURE_EVERY, 0)
    assert page.born == MEASURE_EVERY
    assert page.rss > 1_000_000
    page.rss = 0
    life.beat(MEASURE_EVERY + 1, 0)
    assert page.rss == 0
    life.beat(2 * MEASURE_EVERY, 0)
    assert page.rss > 1_000_000
    assert page.born == MEASURE_EVERY


@pytest.mark.usefixtures("fewDescriptors")
def test_headroomIsWhatCanBeOpened(page: Page, counting: str) -> None:
    """
    As many files as it says can be opened (about as many, where the system does not say
    it), and then it says 0; it says what was taken when it was counted.
    """
    life = Vitals(page, page.fileno, Fixed(None))
    page.taken = 7
    life.beat(1, 0)
    said = page.headroom
    with openFiles(4 * FEW) as opened:
        life.beat(2, 0)
    assert page.headroom == 0
    assert page.counted == 7
    if counting == "/nowhere":
        assert 0 <= said - len(opened) < 30
    else:
        assert said == len(opened)


@pytest.mark.usefixtures("fewDescriptors")
def test_gapsAreNotTakenForHeadroom(page: Page, counting: str) -> None:
    """
    Connections below which others have ended count all the same.
    """
    life = Vitals(page, page.fileno, Fixed(None))
    life.beat(1, 0)
    before = page.headroom
    first = [os.open(os.devnull, os.O_RDONLY) for _ in range(10)]
    with openFiles(100):
        for fd in first:
            os.close(fd)
        page.opened, page.closed = 110, 10
        life.beat(2, 0)
        assert before - 100 - 3 <= page.headroom <= before - 100 + 3


@pytest.mark.usefixtures("fewDescriptors")
def test_aBurstIsToldAtOnce(page: Page) -> None:
    """
    Where few descriptors are free, what is left is told with each batch that is taken.
    """
    life = Vitals(page, page.fileno, Fixed(None))
    life.beat(1, 0)
    before = page.headroom
    with openFiles(10):
        page.taken = 10
        life.taken()
        assert (page.headroom, page.counted) == (before - 10, 10)


def test_whereManyAreFreeABurstCostsNothing(page: Page) -> None:
    """
    With plenty of them they are counted with the beats only.
    """
    descriptors = Fixed(None)
    descriptors.most = vitals.PLENTY * 4
    life = Vitals(page, page.fileno, descriptors)
    life.beat(1, 0)
    page.taken = 10
    life.taken()
    assert page.counted == 0
    life.beat(2, 0)
    assert page.counted == 10


def test_whereThereIsNoLimitThereIsRoom(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Any number is no negative one: the primary would give such a worker nothing.
    """
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    monkeypatch.setattr(resource, "getrlimit", lambda kind: unlimited)
    Vitals(page, lambda: 0, Descriptors(None)).beat(1, 0)
    assert page.headroom > 1 << 52


class Countdown(Descriptors):
    """
    Is told how many are open.
    """

    def __init__(self) -> None:
        self.limit, self.most, self.isRaised = 1000, 10_000, False
        self.told: list[int] = []

    def look(self) -> None:
        pass

    def makeRoom(self, used: int) -> None:
        self.told.append(used)


def test_beforeConnectionsAreTakenThereIsRoomForThem(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    What is open is counted when some time has passed, or a share of what may be opened
    has been taken; and not at all when the limit is as high as it goes.
    """
    now = [0]
    monkeypatch.setattr(vitals, "monotonic_ns", lambda: now[0])
    descriptors = Countdown()
    life = Vitals(page, page.fileno, descriptors)
    life.beat(1, 0)
    page.headroom = 0
    told = descriptors.told
    life.expect()
    assert len(told) == 1
    now[0] += vitals.SOON + 1
    life.expect()
    life.expect()
    assert len(told) == 2
    page.taken += (descriptors.spare - told[-1]) // 4
    life.expect()
    assert len(told) == 2
    page.taken += 1
    life.expect()
    assert len(told) == 3
    assert page.headroom == 10_000 - told[-1]
    descriptors.isRaised = True
    now[0] += vitals.SOON + 1
    life.expect()
    assert len(told) == 3
