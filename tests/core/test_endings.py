"""
How a worker ended, in words.
"""

from __future__ import annotations

import pytest

from twisted_cluster.core.endings import Ending, whatWasCut
from twisted_cluster.core.words import duration, serving, several


@pytest.mark.parametrize(
    ("ending", "level", "said"),
    [
        (Ending(3.2, 0, isPlanned=True), "info", "ended after 3.2 s"),
        (
            Ending(3.2, 0, isPlanned=True, isTold=True),
            "info",
            "ended upon a signal after 3.2 s",
        ),
        (Ending(3.2, 4, isPlanned=True), "info", "exited with 4 after 3.2 s"),
        (Ending(3.2, 4), "error", "exited with 4 after 3.2 s"),
        (Ending(3.2, 0), "error", "ended by itself after 3.2 s"),
        (Ending(3.2, None, "SIGSEGV"), "error", "died of SIGSEGV after 3.2 s"),
        (
            Ending(3.2, None, "SIGSEGV", isPlanned=True),
            "error",
            "died of SIGSEGV after 3.2 s",
        ),
        (
            Ending(400, None, "SIGKILL"),
            "error",
            "died of SIGKILL after 7 min, not killed by the cluster: out of memory?",
        ),
        (
            Ending(12, None, "SIGTERM", isPlanned=True, isTold=True),
            "info",
            "ended upon SIGTERM after 12 s",
        ),
        (
            Ending(
                32, None, "SIGKILL", isPlanned=True, isKilled=True, why="it hung", cut=1
            ),
            "warn",
            "was killed after 32 s: it hung; 1 connection was cut",
        ),
        (
            Ending(5, None, "SIGKILL", isKilled=True, why="it hung", wasReady=False),
            "warn",
            "was killed after 5.0 s: it hung",
        ),
        (
            Ending(1, None, "SIGKILL", isPlanned=True, isKilled=True, wasReady=False),
            "debug",
            "was killed after 1.0 s",
        ),
        (
            Ending(31, 0, isPlanned=True, cut=3),
            "warn",
            "ended after 31 s; 3 connections were cut",
        ),
        (
            Ending(9, None, None, isPlanned=True, isKilled=True, cut=2, left=42),
            "error",
            "cannot be killed, and is left behind after 9.0 s; what it waits for: "
            "/proc/42/task/*/wchan; 2 connections with it",
        ),
    ],
)
def test_howGraveAnEndIs(ending: Ending, level: str, said: str) -> None:
    """
    A death is an error, planned or not; what the cluster had to do a warning.
    """
    assert (ending.level, ending.inWords()) == (level, said)


def test_whenTheNextStartsIsSaid() -> None:
    """
    If that waits.
    """
    ending = Ending(3.2, None, "SIGSEGV")
    assert ending.inWords(0.2) == "died of SIGSEGV after 3.2 s; again in 0.2 s"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-1e-9, "0.0 s"),
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (179, "179 s"),
        (180, "3 min"),
        (7199, "120 min"),
        (7200, "2 h"),
        (900_000, "10 d"),
    ],
)
def test_durationsAreAsExactAsPeopleWant(seconds: float, said: str) -> None:
    """
    No age is a number of six figures.
    """
    assert duration(seconds) == said


def test_numbersAgreeWithTheirNouns() -> None:
    """
    One, and several.
    """
    assert several(1, "worker"), several(0, "worker") == ("1 worker", "0 workers")
    assert serving(1, 3) == "1 of 3 workers serves"
    assert serving(2, 3) == "2 of 3 workers serve"
    assert serving(0, 1) == "0 of 1 worker serve"
    assert whatWasCut(0) == "nothing was cut"
