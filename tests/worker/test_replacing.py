"""
Reactors that take the place of a worker's.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import twisted.internet
from twisted.internet import main
from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.error import ReactorAlreadyInstalledError
from twisted.internet.pollreactor import PollReactor
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.selectreactor import SelectReactor
from twisted.internet.testing import MemoryReactor

from tests.worker.test_reactor import Clustered
from twisted_cluster.errors import StartError
from twisted_cluster.kinds import REACTOR
from twisted_cluster.worker.reactor import become
from twisted_cluster.worker.replacing import Succession


@pytest.fixture
def clustered(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clustered]:
    """
    A clustered reactor, which others may follow.
    """
    monkeypatch.setattr(main, "installReactor", main.installReactor)
    made = Clustered(SelectReactor())
    monkeypatch.setitem(sys.modules, REACTOR, made.reactor)
    monkeypatch.setattr(twisted.internet, "reactor", made.reactor, raising=False)
    Succession(made.reactor, become).begin()
    yield made
    made.close()


@pytest.fixture
def later() -> Iterator[Callable[[], Any]]:
    """
    Makes reactors of asyncio's.
    """
    loops: list[asyncio.AbstractEventLoop] = []

    def make() -> Any:
        loops.append(asyncio.SelectorEventLoop())
        return AsyncioSelectorReactor(loops[-1])

    yield make
    for loop in loops:
        loop.close()


def test_whatWasAskedOfOneTheNextDoes(
    clustered: Clustered, later: Callable[[], Any]
) -> None:
    """
    Timers, triggers, threads' calls, ports: whoever holds either has the same, and the
    last of several is the one that runs.
    """
    first, done = clustered.reactor, []
    first.callLater(0, done.append, "timer")
    stopped = first.callLater(0, done.append, "cancelled timer")
    first.callWhenRunning(done.append, "trigger")
    gone = first.addSystemEventTrigger("after", "startup", done.append, "no trigger")
    first.callFromThread(done.append, "thread")
    port = first.listenTCP(1, Factory.forProtocol(Protocol), interface="127.0.0.1")
    second, third = PollReactor(), later()
    main.installReactor(second)
    main.installReactor(third)
    assert sys.modules[REACTOR] is twisted.internet.reactor is third
    stopped.cancel()
    first.removeSystemEventTrigger(gone)
    second.callLater(0, done.append, "second's")
    assert port in third.getReaders()
    assert type(first) is type(second) is type(third)
    assert isinstance(third, AsyncioSelectorReactor)
    first.callLater(0.05, first.stop)
    third.run(installSignalHandlers=False)
    assert sorted(done) == ["second's", "thread", "timer", "trigger"]


def test_onTheLoopOfTheFormer(clustered: Clustered, later: Callable[[], Any]) -> None:
    """
    Which a program has asked asyncio for; and back to another kind.
    """
    first, done = clustered.reactor, []
    main.installReactor(later())
    first.callLater(0, done.append, "asyncio's")
    main.installReactor(AsyncioSelectorReactor(first._asyncioEventloop))
    first.callLater(0, done.append, "the same loop's")
    last = PollReactor()
    main.installReactor(last)
    first.callFromThread(done.append, "thread")
    first.callLater(0.05, first.stop)
    last.run(installSignalHandlers=False)
    assert sorted(done) == ["asyncio's", "the same loop's", "thread"]


def test_nothingIsLeftOpen(clustered: Clustered, later: Callable[[], Any]) -> None:
    """
    Of a former one nothing stays, and nothing is done twice.
    """
    count = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        main.installReactor(SelectReactor())
    assert len(os.listdir("/proc/self/fd")) == count
    events = clustered.reactor._eventTriggers
    assert len(events["shutdown"].during) == 2
    assert len(events["startup"].during) == 1


def test_whatHasRunStays(clustered: Clustered) -> None:
    """
    One line says so; and so it does of what can be no worker's.
    """
    with pytest.raises(StartError, match="MemoryReactor is no posix reactor"):
        main.installReactor(MemoryReactor())
    reactor = clustered.reactor
    reactor.callWhenRunning(reactor.stop)
    reactor.run(installSignalHandlers=False)
    other = PollReactor()
    says = "runs on the reactor 'select' already, and 'poll' cannot take its place"
    with pytest.raises(ReactorAlreadyInstalledError, match=says):
        main.installReactor(other)
    other.removeAll()
    other.waker.connectionLost(None)


def test_theSameOneIsNoOther(clustered: Clustered) -> None:
    """
    Who takes it away for a while, and puts it back, has it again.
    """
    with pytest.raises(ReactorAlreadyInstalledError):
        main.installReactor(clustered.reactor)
    del sys.modules[REACTOR]
    main.installReactor(clustered.reactor)
    assert sys.modules[REACTOR] is clustered.reactor
