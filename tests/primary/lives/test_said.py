"""
What a worker says.
"""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from twisted.logger import LogEvent

from tests.logged import Logged
from twisted_cluster.primary.lives.events import eventOf
from twisted_cluster.primary.lives.said import Said, Speaker
from twisted_cluster.primary.lives.tail import LARGEST, TAIL


@pytest.fixture
def said() -> Said:
    """
    What worker 2 says.
    """
    return Said(lambda: Speaker(2, 7, 3, 100))


def event(level: str, text: str, **more: object) -> LogEvent:
    told = {"log_level": level, "log_namespace": "shop", "log_format": text, **more}
    return eventOf(told)


def test_withoutARateAnythingMayBeLogged() -> None:
    """
    However much, and whenever.
    """
    said = Said(lambda: Speaker(2, 7, 3, 100), rate=0.0)
    assert all(said.lets(1 << 30, 10**6) for _ in range(10))


def test_complaintsAreKeptUntilItIsUp(said: Said, logged: Logged) -> None:
    """
    Lines, and events that are errors; what comes behind them comes behind them still.
    """
    said.record(event("info", "it begins"), 9)
    said.stray("a line")
    said.record(event("info", "it goes on"), 9)
    said.record(event("critical", "it fails"), 9)
    assert list(said.tail) == ["a line", "it fails"]
    assert logged.texts() == ["it begins"]
    said.release()
    assert logged.texts() == ["it begins", "a line", "it goes on", "it fails"]
    assert logged.events[-1]["log_level"].name == "critical"
    assert not list(said.tail)


def test_whatAFailedStartHasWrittenIsOneError(said: Said, logged: Logged) -> None:
    """
    A traceback is not one event a line; what it has logged stays as it is.
    """
    said.stray("Traceback:")
    said.stray("  LookupError")
    said.record(event("critical", "it fails"), 9)
    said.stray("the end")
    said.release(hasFailed=True)
    assert logged.texts() == ["Traceback:\n  LookupError", "it fails", "the end"]
    levels = [one["log_level"].name for one in logged.events]
    assert levels == ["error", "critical", "error"]


def test_soIsWhatItsStandardErrorHasLogged(said: Said, logged: Logged) -> None:
    """
    Where twistd logs it, a line at a time.
    """
    for line in ("Traceback:", "  LookupError"):
        told = {
            "log_level": "error",
            "log_namespace": "stderr",
            "log_format": "{log_io}",
            "log_io": line,
            "log_flattened": {"log_io!s:": line},
        }
        said.record(eventOf(told), 9)
    said.release(hasFailed=True)
    (come,) = logged.events
    assert logged.texts() == ["Traceback:\n  LookupError"]
    assert come["log_io"] == "Traceback:\n  LookupError"
    assert come["cluster_system"] == "stderr#error"


def test_whoSaysItIsToBeSeen(said: Said, logged: Logged) -> None:
    """
    For people in the system; for programs in fields that the worker cannot set.
    """
    said.release()
    said.record(event("warn", "careful", cluster_worker=9, cluster_system="mine"), 9)
    (come,) = logged.events
    assert come["log_system"] == "worker 2 shop#warn"
    assert come["cluster_system"] == "shop#warn"
    fields = ("worker", "id", "generation", "pid")
    assert [come[f"cluster_{name}"] for name in fields] == [2, 7, 3, 100]


@pytest.mark.parametrize(
    ("system", "shown"), [("-", "worker 2"), ("HTTPChannel,1", "worker 2 HTTPChannel,1")]
)
def test_whoeverNamesItselfKeepsItsName(
    said: Said, logged: Logged, system: str, shown: str
) -> None:
    """
    What twisted.python.log writes has names of its own, in two fields.
    """
    more = {"log_namespace": "log_legacy", "log_system": system, "system": system}
    said.record(event("info", "hello", **more), 9)
    (come,) = logged.events
    assert come["log_system"] == come["system"] == shown
    assert come["cluster_system"] == system


def test_bracesAreOnlyText(said: Said, logged: Logged) -> None:
    """
    What a worker writes is no format.
    """
    said.release()
    said.stray("{0.__class__} {text}")
    said.complain("{0.__class__} {text}")
    assert logged.texts() == ["{0.__class__} {text}"] * 2
    assert [one["log_level"].name for one in logged.events] == ["info", "error"]


def test_onlyTheLastComplaintsAreKept(said: Said, logged: Logged) -> None:
    """
    There may be very many; the log has all of them, in order.
    """
    texts = [str(number) for number in range(1000)]
    for number, text in enumerate(texts):
        said.record(event("error" if number % 3 else "info", text), 9)
    assert list(said.tail) == [t for n, t in enumerate(texts) if n % 3][-TAIL:]
    said.release()
    assert logged.texts() == texts


def test_whoIsLongInComingUpIsHeardAtOnce(said: Said, logged: Logged) -> None:
    """
    What it complains of is kept besides: it may be the reason why it never is up.
    """
    said.stray("no database")
    said.show()
    said.record(event("error", "no database still"), 9)
    assert logged.texts() == ["no database", "no database still"]
    assert list(said.tail) == ["no database", "no database still"]
    said.release(hasFailed=True)
    assert logged.texts() == ["no database", "no database still"]


def test_whatIsNoNewsIsForgotten(said: Said, logged: Logged) -> None:
    """
    Complaints; the rest is logged.
    """
    said.stray("Traceback:")
    said.record(event("info", "by the way"), 9)
    said.record(event("error", "it fails"), 9)
    said.forget()
    said.release(hasFailed=True)
    assert logged.texts() == ["by the way"]


def test_whatThePrimaryKnowsIsSaidBeside(logged: Logged) -> None:
    """
    Of a line, of an error, and of what was kept; the same not again and again.
    """

    def explain(complaints: Iterable[str]) -> str | None:
        return "because" if any("in use" in one for one in complaints) else None

    said = Said(lambda: Speaker(2, 7, 3, 100), explain)
    said.stray("in use")
    assert logged.texts() == []
    said.release()
    said.stray("in use again")
    said.record(event("info", "in use, says nobody"), 9)
    assert logged.texts() == ["in use", "because", "in use again", "in use, says nobody"]
    assert logged.events[1]["log_level"].name == "warn"


def test_longComplaintsAreFew(said: Said) -> None:
    """
    The last is there in any case.
    """
    for number in range(10):
        said.record(event("error", str(number)), LARGEST // 3)
    assert list(said.tail) == ["7", "8", "9"]
    said.record(event("error", "long"), LARGEST + 1)
    assert list(said.tail) == ["long"]
