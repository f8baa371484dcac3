"""
Signals that are taken, and given back.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.process.cluster import environment
from twisted_cluster.core.signals import Does
from twisted_cluster.primary.signals.taken import MOST_WAITING, TakenSignals


class Turns:
    """
    A reactor whose next turn comes when the test says so.
    """

    def __init__(self) -> None:
        self.calls: list[Callable[[], object]] = []

    def callFromThread(self, call: Callable[[], object]) -> None:
        self.calls.append(call)

    def sigTerm(self, number: int, frame: object) -> None:
        """
        As a reactor's.
        """

    def turn(self) -> None:
        """
        Let it come.
        """
        calls, self.calls = self.calls, []
        for call in calls:
            call()


class Taken:
    """
    Signals that are taken, and how they were answered.
    """

    def __init__(self) -> None:
        self.turns = Turns()
        self.answers: list[tuple[int, Does]] = []
        reactor: Any = self.turns
        self.signals = TakenSignals(reactor, self._answer)

    def _answer(self, number: int, does: Does) -> None:
        self.answers.append((number, does))


def dispositions() -> dict[int, object]:
    """
    What this process does upon each signal.
    """
    return {number: signal.getsignal(number) for number in signal.valid_signals()}


@pytest.fixture
def taken() -> Iterator[Taken]:
    """
    Some that are given back in the end.
    """
    before = dispositions()
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    # Not by whoever has started the tests, nor by pytest itself.
    for number in (signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    made = Taken()
    yield made
    made.signals.giveBack()
    for number, handler in before.items():
        if handler is not None and signal.getsignal(number) != handler:
            signal.signal(number, handler)  # type: ignore[arg-type]
    signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def test_nothingIsDoneInTheSignalsContext(taken: Taken) -> None:
    """
    But in the reactor's turn; what has come twice by then is answered once.
    """
    taken.signals.take()
    for number in (signal.SIGHUP, signal.SIGQUIT, signal.SIGHUP):
        signal.raise_signal(number)
    assert taken.answers == []
    taken.turns.turn()
    assert taken.answers == [
        (signal.SIGQUIT, Does.STOP_NOW),
        (signal.SIGHUP, Does.UPON_HUP),
    ]


def test_whatIsCountedIsAnsweredEachTime(taken: Taken) -> None:
    """
    One worker more, and one more; but not any number.
    """
    taken.signals.take()
    for _ in range(MOST_WAITING + 4):
        signal.raise_signal(signal.SIGTTIN)
    taken.turns.turn()
    assert taken.answers == [(signal.SIGTTIN, Does.MORE)] * MOST_WAITING


def test_whoHasHandlersKeepsThem(taken: Taken) -> None:
    """
    So do those who have started this with signals ignored.
    """
    mine: list[int] = []
    signal.signal(signal.SIGUSR1, lambda number, frame: mine.append(number))
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    taken.signals.take()
    signal.raise_signal(signal.SIGUSR1)
    signal.raise_signal(signal.SIGHUP)
    taken.turns.turn()
    assert (mine, taken.answers) == ([signal.SIGUSR1], [])


def test_theReactorsAreItsOwnFromTheFirst(taken: Taken) -> None:
    """
    It takes them as soon as it runs.
    """
    taken.signals.take()
    assert signal.getsignal(signal.SIGTERM) == taken.turns.sigTerm


def test_theyAreGivenBack(taken: Taken) -> None:
    """
    All as it was.
    """
    before = dispositions()
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    taken.signals.take()
    taken.signals.giveBack()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    assert dispositions() == before
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == blocked


ALONE = """
import os, signal
from twisted_cluster.primary.signals.taken import TakenSignals

answers = []
taken = TakenSignals(None, lambda number, does: answers.append((int(number), does.value)))
taken.take()
os.kill(os.getpid(), signal.SIGFPE)
taken.look()
taken.look()
print(answers == [(int(signal.SIGFPE), "stop")])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="undefined elsewhere")
def test_faultsThatOthersSendAreAnswered() -> None:
    """
    Once; until then they are blocked, for a handler would never end where there is one.
    In a process of its own: one that has threads already would have to block them there.
    """
    command = [sys.executable, "-c", ALONE]
    done = subprocess.run(
        command, env=environment(), capture_output=True, text=True, timeout=30
    )
    assert (done.stdout, done.stderr) == ("True\n", "")
