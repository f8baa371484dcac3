"""
Waiting for a moment without a turn of the reactor's loop.
"""

from __future__ import annotations

import os
import select
import time
from collections.abc import Iterator

import pytest
from twisted.internet.interfaces import IReactorFDSet
from twisted.internet.posixbase import PosixReactorBase
from twisted.internet.selectreactor import SelectReactor
from twisted.internet.testing import MemoryReactorClock

from twisted_cluster.wire.meanwhile import Meanwhile
from twisted_cluster.wire.reader import Reader

LONG = 10 * 10**9
MOMENT = 10 * 10**6

needsEpoll = pytest.mark.skipif(not hasattr(select, "epoll"), reason="epoll is Linux's")


def made(kind: str) -> PosixReactorBase:
    """
    @return: A reactor of a kind.
    """
    if kind == "lean":
        from twisted_cluster.lean.reactor import LeanReactor

        return LeanReactor()
    from twisted.internet.epollreactor import EPollReactor

    return EPollReactor()


@pytest.fixture
def reactor(request: pytest.FixtureRequest) -> Iterator[PosixReactorBase]:
    """
    Of the kind that the test asks for; else the stock one of epoll.
    """
    reactor = made(getattr(request, "param", "epoll"))
    yield reactor
    for reader in reactor.removeAll():
        reader.connectionLost(None)


@needsEpoll
def test_nothingHasComeForAWhile(reactor: PosixReactorBase) -> None:
    """
    So long it has waited.
    """
    begun = time.monotonic_ns()
    assert Meanwhile(reactor).isNothing(MOMENT)
    assert time.monotonic_ns() - begun > MOMENT * 0.9


@needsEpoll
def test_whatComesEndsIt(reactor: PosixReactorBase) -> None:
    """
    And stays to be read.
    """
    meanwhile = Meanwhile(reactor)
    read, write = os.pipe()
    reader = Reader(reactor, lambda: read, lambda: os.read(read, 1), "a pipe")
    reader.start()
    assert meanwhile.isNothing(MOMENT)
    os.write(write, b"x")
    for _ in range(2):
        assert not meanwhile.isNothing(LONG)
    reactor.doIteration(0)
    assert meanwhile.isNothing(MOMENT)
    reader.stop()
    os.close(read)
    os.close(write)


@needsEpoll
def test_whoCallsFromAThreadEndsIt(reactor: PosixReactorBase) -> None:
    """
    As what comes by a descriptor.
    """
    reactor.callFromThread(lambda: None)
    assert not Meanwhile(reactor).isNothing(LONG)


@needsEpoll
@pytest.mark.parametrize("reactor", ["lean"], indirect=True)
def test_theLeanOneHasSomethingToDo(reactor: PosixReactorBase) -> None:
    """
    For all that its epoll object knows.
    """
    assert not Meanwhile(reactor).isNothing(LONG)


@pytest.mark.parametrize("kind", [SelectReactor, MemoryReactorClock])
def test_ofOthersNobodyKnows(kind: type[IReactorFDSet]) -> None:
    """
    So it is said at once that they have something to do.
    """
    assert not Meanwhile(kind()).isNothing(LONG)
