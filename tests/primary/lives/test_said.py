"""
What a worker says.
"""

from __future__ import annotations

import pytest

from tests.logged import Logged
from twisted_cluster.primary.lives.said import TAIL, Said


@pytest.fixture
def said() -> Said:
    """
    What worker 1 says.
    """
    return Said(lambda: "worker 1 (100)")


def test_complaintsAreKeptUntilItIsUp(said: Said, logged: Logged) -> None:
    """
    Lines, and records that are errors; others are logged at once.
    """
    said.stray("a line")
    said.record("info", "app", "it begins")
    said.record("critical", "app", "it fails")
    assert list(said.tail) == ["a line", "it fails"]
    assert logged.texts() == ["it begins"]
    said.release()
    assert logged.texts() == ["it begins", "a line", "it fails"]
    assert not said.tail


def test_whatComesLaterIsLogged(said: Said, logged: Logged) -> None:
    """
    With who says it, and its level.
    """
    said.release()
    said.stray("a line")
    said.record("warn", "app", "careful")
    said.record("error", "-", "broken")
    assert [
        (event["log_level"].name, event["log_system"], event["text"])
        for event in logged.events
    ] == [
        ("info", "worker 1 (100)", "a line"),
        ("warn", "worker 1 (100) app", "careful"),
        ("error", "worker 1 (100)", "broken"),
    ]


def test_aLevelThatIsNoneIsAnError(said: Said, logged: Logged) -> None:
    """
    Somebody is to look.
    """
    said.release()
    said.record("shout", "app", "!")
    assert logged.events[0]["log_level"].name == "error"


def test_bracesAreOnlyText(said: Said, logged: Logged) -> None:
    """
    What a worker says is no format.
    """
    said.release()
    said.stray("{0.__class__} {text}")
    assert logged.texts() == ["{0.__class__} {text}"]


def test_onlyTheLastComplaintsAreKept(said: Said) -> None:
    """
    There may be very many.
    """
    for number in range(1000):
        said.stray(str(number))
    assert list(said.tail) == [str(number) for number in range(1000 - TAIL, 1000)]
