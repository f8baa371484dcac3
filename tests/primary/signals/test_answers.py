"""
How signals are answered.
"""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest
from twisted.internet.defer import Deferred, fail, succeed

from tests.logged import Logged
from twisted_cluster.core.signals import Does
from twisted_cluster.core.snapshot import Snapshot
from twisted_cluster.errors import CommandError
from twisted_cluster.primary.signals.answers import Answers


class Cluster:
    """
    Remembers what it was to do.
    """

    def __init__(self) -> None:
        self.told: list[object] = []
        self.there = Snapshot(2)
        self.result: Callable[[], Deferred[None]] = lambda: succeed(None)

    def snapshot(self) -> Snapshot:
        return self.there

    def reload(self) -> Deferred[None]:
        self.told.append("reload")
        return self.result()

    def scaleBy(self, more: int) -> Deferred[None]:
        self.told.append(("scale", more))
        return self.result()

    def stopNow(self) -> Deferred[None]:
        self.told.append("stop now")
        return self.result()

    def reopenLogs(self) -> Deferred[None]:
        self.told.append("reopen")
        return self.result()

    def forward(self, number: int) -> int:
        self.told.append(("forward", number))
        return 2


@pytest.fixture
def cluster() -> Cluster:
    """
    One of two workers.
    """
    return Cluster()


def answer(
    cluster: Cluster, number: int, does: Does, onHup: str = "reload"
) -> list[object]:
    """
    @return: What the cluster is told upon a signal.
    """
    stop = lambda: cluster.told.append("stop")  # noqa: E731
    Answers(cluster, stop, onHup, False).answer(number, does)
    return cluster.told


@pytest.mark.parametrize(
    ("name", "does", "told"),
    [
        ("SIGALRM", Does.STOP, ["stop"]),
        ("SIGQUIT", Does.STOP_NOW, ["stop now", "stop"]),
        ("SIGHUP", Does.UPON_HUP, ["reload"]),
        ("SIGUSR1", Does.REOPEN, ["reopen"]),
        ("SIGTTIN", Does.MORE, [("scale", 1)]),
        ("SIGTTOU", Does.LESS, [("scale", -1)]),
        ("SIGUSR2", Does.REFUSE, []),
    ],
)
def test_eachIsDone(
    name: str, does: Does, told: list[object], cluster: Cluster, logged: Logged
) -> None:
    """
    And said, with its name.
    """
    assert answer(cluster, getattr(signal, name), does) == told
    # What is done with the log is seen there.
    assert does is Does.REOPEN or name in logged.texts()[0]


@pytest.mark.parametrize(
    ("onHup", "told"), [("forward", [("forward", signal.SIGHUP)]), ("ignore", [])]
)
def test_hupDoesWhatItIsTold(onHup: str, told: list[object], cluster: Cluster) -> None:
    """
    By the option.
    """
    assert answer(cluster, signal.SIGHUP, Does.UPON_HUP, onHup) == told


def test_theTerminalsEndIsAStop(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Whoever has started it there is gone.
    """
    module = "twisted_cluster.primary.signals.answers"
    monkeypatch.setattr(f"{module}.hasTerminal", lambda: False)
    answers = Answers(cluster, lambda: cluster.told.append("stop"), "reload", True)
    answers.answer(signal.SIGHUP, Does.UPON_HUP)
    assert cluster.told == ["stop"]


def test_whatFailsIsSaid(cluster: Cluster, logged: Logged) -> None:
    """
    With the reason that whoever has commanded it would be told.
    """
    cluster.result = lambda: fail(CommandError("a reload is under way"))
    answer(cluster, signal.SIGHUP, Does.UPON_HUP)
    assert logged.texts()[-1] == "SIGHUP: a reload is under way"


def test_whatALaterOneReplacesIsNoFailure(cluster: Cluster, logged: Logged) -> None:
    """
    It is what was wanted.
    """
    first: Deferred[None] = Deferred()
    answers = Answers(cluster, lambda: None, "reload", False)
    for result in (first, succeed(None)):
        cluster.result = lambda result=result: result  # type: ignore[misc]
        answers.answer(signal.SIGTTIN, Does.MORE)
    first.errback(CommandError("there are to be 4 workers by now"))
    levels = [event["log_level"].name for event in logged.events]
    assert levels == ["info", "info", "debug"]


def test_whatAStopEndsIsNoFailure(cluster: Cluster, logged: Logged) -> None:
    """
    Who redeploys may well renew the workers first, and think better of it.
    """
    begun: Deferred[None] = Deferred()
    cluster.result = lambda: begun
    answer(cluster, signal.SIGHUP, Does.UPON_HUP)
    cluster.there = Snapshot(2, isStopping=True)
    begun.errback(CommandError("the cluster stops"))
    assert [event["log_level"].name for event in logged.events] == ["info", "debug"]


def test_theLastWorkerStays(cluster: Cluster, logged: Logged) -> None:
    """
    A cluster of none is none.
    """
    cluster.there = Snapshot(1)
    assert answer(cluster, signal.SIGTTOU, Does.LESS) == []
    assert logged.texts() == ["SIGTTOU: nothing is done: there is one worker"]


@pytest.mark.parametrize(
    ("does", "told"),
    [
        (Does.UPON_HUP, []),
        (Does.STOP, []),
        (Does.STOP_NOW, ["stop now", "stop"]),
        (Does.REOPEN, ["reopen"]),
    ],
)
def test_whoStopsCanOnlyStopSooner(
    does: Does, told: list[object], cluster: Cluster
) -> None:
    """
    And write its log elsewhere.
    """
    cluster.there = Snapshot(2, isStopping=True)
    assert answer(cluster, signal.SIGHUP, does) == told
