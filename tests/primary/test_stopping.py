"""
How a primary stops.
"""

from __future__ import annotations

import signal
from asyncio import CancelledError
from collections.abc import Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import pytest
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import Clock

from tests.logged import Logged, logging
from twisted_cluster.core.endings import Ending
from twisted_cluster.primary import hurry as module
from twisted_cluster.primary.hurry import Hurry
from twisted_cluster.primary.stopping import Stopping, inTurn, now

LATE = "it was not waited for any longer"


class Turns:
    """
    Calls at once what other threads, and signals, ask for.
    """

    def callFromThread(self, call: Any, *arguments: Any) -> None:
        call(*arguments)


@pytest.fixture(autouse=True)
def nobodyStops(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """
    Stops that are not brought to their end hear no signal when a test is over.
    """
    monkeypatch.setattr(module, "_taken", module._Taken())
    before = [(number, signal.getsignal(number)) for number in module.SIGNALS]
    yield
    for number, handler in before:
        signal.signal(number, handler)


class StoppingReactor:
    """
    Has signals, and would do nothing more upon them.

    @ivar heard: What it was told nevertheless.
    """

    _stopped = True

    def __init__(self) -> None:
        self.heard: list[int] = []

    def sigTerm(self, number: int, frame: object) -> None:
        self.heard.append(number)


@pytest.fixture
def reactor() -> StoppingReactor:
    """
    One that stops.
    """
    return StoppingReactor()


@pytest.fixture
def handlers(reactor: StoppingReactor) -> Iterator[list[int]]:
    """
    What signals there were, as they come to whoever had them before.
    """
    before = {
        number: signal.signal(number, reactor.sigTerm)
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    yield reactor.heard
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(
    "error", [OSError(1, "Operation not permitted"), SystemExit(3), CancelledError()]
)
def test_theNextStepIsTakenWhateverOneRaises(
    error: BaseException, logged: Logged
) -> None:
    """
    It is told which one failed.
    """
    taken: list[str] = []

    def fail() -> None:
        raise error

    steps = [
        ("close the ports", now(fail)),
        ("let the workers finish", now(lambda: taken.append("finish"))),
    ]
    done = ensureDeferred(inTurn(steps))
    assert done.called
    assert taken == ["finish"]
    assert logged.texts() == ["cannot close the ports; the stop goes on"]


def test_signalsHurryAndAreGivenBack(handlers: list[int]) -> None:
    """
    While it is on they are ours; afterwards they are whose they were.
    """
    hurried: list[str] = []
    hurry = Hurry(cast(Any, Turns()), lambda: hurried.append("hurry"))
    signal.raise_signal(signal.SIGTERM)
    hurry.begin()
    signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGINT)
    hurry.end()
    signal.raise_signal(signal.SIGINT)
    assert hurried == ["hurry", "hurry"]
    assert handlers == [signal.SIGTERM, signal.SIGINT]


def test_whoGoesOnHearsThemHimself(reactor: StoppingReactor, handlers: list[int]) -> None:
    """
    A program that stops its cluster, and not itself, is told by a signal to stop. When
    its reactor does, the next one hurries.
    """
    hurried: list[str] = []
    hurry = Hurry(cast(Any, Turns()), lambda: hurried.append("hurry"))
    reactor._stopped = False
    hurry.begin()
    signal.raise_signal(signal.SIGTERM)
    assert (handlers, hurried) == ([signal.SIGTERM], [])
    reactor._stopped = True
    signal.raise_signal(signal.SIGTERM)
    assert (handlers, hurried) == ([signal.SIGTERM], ["hurry"])
    hurry.end()


def test_aHandlerOfTheHostsIsCalled(handlers: list[int]) -> None:
    """
    Each time: the cluster takes it for no hurry.
    """
    mine: list[int] = []
    hurried: list[str] = []
    signal.signal(signal.SIGTERM, lambda number, frame: mine.append(number))
    hurry = Hurry(cast(Any, Turns()), lambda: hurried.append("hurry"))
    hurry.begin()
    signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGTERM)
    hurry.end()
    assert (mine, hurried) == ([signal.SIGTERM] * 2, [])


def test_twoThatStopAtOnceBothHear(handlers: list[int]) -> None:
    """
    The signals are given back with the last one's end, in whatever order they end.
    """
    hurried: list[str] = []
    one, two = (
        Hurry(cast(Any, Turns()), partial(hurried.append, name))
        for name in ("one", "two")
    )
    one.begin()
    two.begin()
    signal.raise_signal(signal.SIGTERM)
    one.end()
    signal.raise_signal(signal.SIGTERM)
    two.end()
    assert hurried == ["one", "two", "two"]
    signal.raise_signal(signal.SIGTERM)
    assert hurried == ["one", "two", "two"]
    assert handlers == [signal.SIGTERM]


def test_whoHasTakenThemMeanwhileKeepsThem(handlers: list[int]) -> None:
    """
    They are not ours to give back.
    """
    hurry = Hurry(cast(Any, Turns()), lambda: None)
    hurry.begin()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    hurry.end()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN


def test_ignoredSignalsStayIgnored() -> None:
    """
    Nobody handles them.
    """
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        hurry = Hurry(cast(Any, Turns()), lambda: None)
        hurry.begin()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        hurry.end()
    finally:
        signal.signal(signal.SIGINT, before)


class Waited(SimpleNamespace):
    """
    A worker that was told to end when the clock began.
    """

    @property
    def drainLeft(self) -> float:
        return 20.0 - float(self.clock.seconds())

    @property
    def left(self) -> float:
        return 52.0 - float(self.clock.seconds())


class Stop:
    """
    The stop of a primary whose rooms write down what is asked of them.

    @ivar asked: What was, in order.
    """

    def __init__(
        self,
        isCaughtUp: bool = True,
        served: int = 3,
        cut: int = 0,
        delay: float = 0.0,
    ) -> None:
        """
        @param isCaughtUp: Whether workers take what has come in.
        @param served: How many connections each serves.
        @param cut: How many it has when it is gone.
        """
        self.asked: list[str] = []
        self.clock = Clock()
        self.retired: Deferred[None] = Deferred()
        self._isCaughtUp = isCaughtUp
        self.workers: list[Any] = [
            Waited(
                clock=self.clock,
                kill=lambda why: self.asked.append(f"kill: {why}"),
                served=served,
                hand=SimpleNamespace(queued=0),
                name="worker 1 (99)",
                ending=Ending(9.0, 0, isPlanned=True, cut=cut),
            )
        ]
        rooms = SimpleNamespace(
            reactor=self.clock,
            door=SimpleNamespace(drainBacklogs=self._drain),
            listeners=SimpleNamespace(
                refuseAll=self._note("refuse"),
                isAwaited=False,
                closeAll=self._note("close"),
                closeForGood=self._note("close"),
            ),
            outliving=SimpleNamespace(closeAll=lambda: None),
        )
        pulse = SimpleNamespace(rooms=rooms, rest=self._note("rest"))
        stopping = Stopping(cast(Any, pulse), lambda: self.workers, self._retire, delay)
        self.done = stopping.run()

    def _note(self, what: str) -> Any:
        return lambda: self.asked.append(what)

    def _drain(self) -> bool:
        self.asked.append("drain")
        return self._isCaughtUp

    def _retire(self) -> Deferred[None]:
        self.asked.append("retire")
        return self.retired


def test_oneStepAfterTheOther() -> None:
    """
    The ports are closed when what has come in is handed over; all rests when the workers
    are gone.
    """
    stop = Stop()
    assert stop.asked == ["refuse", "drain", "close", "retire"]
    stop.workers = []
    stop.retired.callback(None)
    assert stop.asked == ["refuse", "drain", "close", "retire", "close", "rest"]
    assert stop.done.called


def test_whoIsLeftIsKilledAndBuried() -> None:
    """
    Retiring them has failed; the stop is over when they are gone.
    """
    stop = Stop()
    stop.retired.errback(RuntimeError("a bug"))
    stop.clock.pump([0.05] * 5)
    assert stop.asked == ["refuse", "drain", "close", "retire", f"kill: {LATE}"]
    assert not stop.done.called
    stop.workers = []
    stop.clock.advance(0.05)
    assert stop.asked[-1] == "rest"
    assert stop.done.called


def test_burialsAreWaitedForSomeSeconds(logged: Logged) -> None:
    """
    What the kernel cannot end keeps no stop for ever.
    """
    stop = Stop()
    stop.retired.errback(RuntimeError("a bug"))
    stop.clock.pump([0.05] * 99)
    assert not stop.done.called
    stop.clock.pump([0.05] * 5)
    assert stop.done.called
    assert "the stop goes on without the end of worker 1 (99)" in logged.texts()


def test_whoMayNotBeKilledKeepsNobodyElse(logged: Logged) -> None:
    """
    It is another user's, since this process has shed its privileges.
    """
    stop = Stop()

    def refuse(why: str) -> None:
        raise PermissionError(1, "Operation not permitted")

    other = SimpleNamespace(
        kill=refuse,
        name="worker 1 (100)",
        served=0,
        drainLeft=20.0,
        left=52.0,
        ending=Ending(9.0, 0),
    )
    stop.workers.insert(0, other)
    stop.retired.callback(None)
    stop.workers.clear()
    stop.clock.advance(0.05)
    before = ["refuse", "drain", "close", "retire"]
    assert stop.asked == [*before, f"kill: {LATE}", "close", "rest"]
    assert "cannot kill worker 1 (100): [Errno 1] Operation not permitted" in (
        logged.texts()
    )


def test_catchingUpIsBounded() -> None:
    """
    Workers that take nothing hold nobody up for more than a second.
    """
    stop = Stop(isCaughtUp=False)
    stop.clock.pump([0.05] * 19)
    assert "close" not in stop.asked
    stop.clock.pump([0.05] * 5)
    assert stop.asked[-2:] == ["close", "retire"]


def test_whoIsBusyIsGivenMoreTimeToTakeWhatHasCome() -> None:
    """
    Who computes will take it; not longer than half of what he may serve it for.
    """
    stop = Stop(isCaughtUp=False)
    stop.workers[0].hand.queued = 3
    stop.clock.pump([0.05] * 150)
    assert "close" not in stop.asked
    stop.clock.pump([0.05] * 20)
    assert stop.asked[-2:] == ["close", "retire"]


def test_whoeverSendsClientsHereIsGivenTimeToSeeThatItStops(logged: Logged) -> None:
    """
    Meanwhile who comes is let in.
    """
    stop = Stop(delay=7.0)
    stop.clock.pump([0.05] * 139)
    assert stop.asked == []
    stop.clock.pump([0.05] * 2)
    assert stop.asked == ["refuse", "drain", "close", "retire"]
    assert logged.texts()[:2] == [
        "stopping: not ready, and open for 7.0 s more",
        "stopping: not ready, and open for 2.0 s more",
    ]


def test_whereNobodyServesTheStopDoesNotWait() -> None:
    """
    Who comes is better refused.
    """
    stop = Stop(delay=7.0)
    stop.workers.clear()
    stop.clock.advance(0.05)
    assert stop.asked == ["refuse", "drain", "close", "retire"]


def test_whatIsWaitedForIsSaid(logged: Logged) -> None:
    """
    Who serves how many connections, and how long; and every 5 s who is there still.
    """
    stop = Stop()
    stop.clock.pump([1.0] * 6)
    stop.workers[0].served = 0
    stop.clock.pump([1.0] * 5)
    stop.workers.clear()
    stop.retired.callback(None)
    assert logged.texts() == [
        "stopping: waiting for worker 1 (99) with 3 connections; 20 s left",
        "stopping: waiting for worker 1 (99) with 3 connections; 15 s left",
        "stopping: waiting for the application of worker 1 (99) to stop; 42 s left",
        "stopped after 11 s; nothing was cut",
    ]


@pytest.mark.parametrize(
    ("cut", "level", "said"),
    [
        (0, "info", "stopped after 0.0 s; nothing was cut"),
        (2, "warn", "stopped after 0.0 s; 2 connections were cut"),
    ],
)
def test_whatWasCutIsSaid(logged: Logged, cut: int, level: str, said: str) -> None:
    """
    In the end, in one line.
    """
    stop = Stop(served=0, cut=cut)
    stop.workers.clear()
    stop.retired.callback(None)
    assert [event["log_level"].name for event in logged.events] == [level]
    assert logged.texts() == [said]


def test_aSecondSignalIsSaid(handlers: list[int]) -> None:
    """
    So that nobody wonders who has killed the workers.
    """
    stop = Stop()
    stop.clock.callFromThread = lambda call: call()
    stop.clock.advance(0.2)
    with logging() as logged:
        signal.raise_signal(signal.SIGTERM)
    assert logged.texts() == ["a second signal: workers are killed"]
    assert stop.asked[-1] == "kill: a second signal has come"
    stop.retired.callback(None)


def test_aSignalThatIsSentTwiceIsOne(handlers: list[int]) -> None:
    """
    GNU timeout tells the process, and at once its group: nobody is to be cut for that.
    """
    stop = Stop()
    stop.clock.callFromThread = lambda call: call()
    stop.clock.advance(0.1)
    signal.raise_signal(signal.SIGTERM)
    assert stop.asked[-1] == "retire"
    stop.retired.callback(None)
