"""
What is told of the events that a worker logs.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import pytest
from twisted.logger import LogEvent, Logger, LogLevel, eventAsJSON, eventAsText
from twisted.logger._legacy import publishToNewObserver
from twisted.python.failure import Failure
from twisted.python.log import textFromEventDict

from twisted_cluster.core.records import (
    CUT,
    HEAVY,
    LONGEST_DATAGRAM,
    LONGEST_RECORD,
    MOST_VALUES,
    readRecord,
)
from twisted_cluster.primary.lives.events import eventOf
from twisted_cluster.worker.events import recordOf, textOf


class Thing:
    """
    Has no JSON.
    """

    names = ("a", "b")

    def name(self) -> str:
        return "thing"

    def __str__(self) -> str:
        return "a thing"


class Mute:
    """
    Has no text.
    """

    def __repr__(self) -> str:
        raise ValueError("mute")


def failure() -> Failure:
    try:
        raise KeyError("key")
    except KeyError:
        return Failure()


def logged(format: str, **fields: object) -> LogEvent:
    """
    An event as a logger makes it.
    """
    events: list[LogEvent] = []
    Logger("shop", observer=events.append).warn(format, **fields)
    return events[0]


def older(**fields: Any) -> LogEvent:
    """
    An event as twisted.python.log makes it.
    """
    events: list[LogEvent] = []
    event = {"message": (), "time": 1.8e9, "system": "-", "isError": 0, **fields}
    publishToNewObserver(events.append, event, textFromEventDict)
    return events[0]


def told(event: LogEvent) -> LogEvent:
    """
    What the primary has of it.
    """
    level = event.get("log_level", LogLevel.info).name
    return eventOf(readRecord(recordOf(event, level)))


def withoutCounts(event: LogEvent) -> object:
    """
    An event as who writes JSON has it, but for which failure of a process it is, and,
    before Twisted 24, for who has called who has caught it.
    """
    return json.loads(eventAsJSON(event), object_hook=_withoutCount)


def _withoutCount(fields: dict[str, object]) -> dict[str, object]:
    return {key: fields[key] for key in fields if key not in ("count", "stack")}


EVENTS = [
    lambda: logged("hello"),
    lambda: logged("{{hello}}"),
    lambda: logged("hello {who} {who} {who!r}", who="you", more=[1, {"a": None}]),
    lambda: logged("{thing} {thing.names[1]} {call()}", thing=Thing(), call=Thing().name),
    lambda: logged("{f} {log_level.name}", f=failure(), grade=LogLevel.info),
    lambda: logged("{data}", data=b"\x00\xff", big=10**30, x=1.5, set={1}),
    lambda: logged("broken", log_failure=failure()),
    lambda: logged("{message}", message=["text"], time="noon", log_system="me"),
    lambda: older(message=("one", 2)),
    lambda: older(format="%(a)s", a=1, system="HTTPChannel,1"),
    lambda: older(failure=failure(), why="because", isError=1),
]


@pytest.mark.parametrize("make", EVENTS)
def test_nothingIsLost(make: Callable[[], LogEvent]) -> None:
    """
    Who writes JSON writes the same, and so does who writes text.
    """
    stock = make()
    come = told(stock)
    assert eventAsText(come) == eventAsText(stock)
    assert withoutCounts(come) == withoutCounts(stock)


@pytest.mark.parametrize(
    ("format", "text"),
    [
        ("{x:.2f}", "1.23"),
        ("{x:.2f} {x:.2f} {x}", "1.23 1.23 1.23456"),
        ("{x!r:>10}", "   1.23456"),
        ("{x!a} {x}", "1.23456 1.23456"),
        ("{n:{width}d}|", "  3|"),
        ("time 12:30 {n}", "time 12:30 3"),
    ],
)
def test_formatsAreHeeded(format: str, text: str) -> None:
    """
    What they look like is not forgotten on the way.
    """
    event = logged(format, x=1.23456, n=3, width=3)
    assert eventAsText(told(event), includeTimestamp=False, includeSystem=False) == text


def test_theEventStaysAsItIs() -> None:
    """
    Other observers have it too.
    """
    event = logged("{a:d} {b}", a=1, b=Thing(), log_flattened={"c": 1}, log_trace=[])
    before, flat = dict(event), dict(event["log_flattened"])
    told(event)
    assert event == before
    assert event["log_flattened"] == flat


CIRCLE: list[object] = []
CIRCLE.append(CIRCLE)
DEEP: list[object] = []
for _ in range(100_000):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    "make",
    [
        lambda: logged("{missing}"),
        lambda: logged("{"),
        lambda: logged("{mute}", mute=Mute()),
        lambda: logged("hello", circle=CIRCLE),
        lambda: logged("hello", deep=DEEP),
        lambda: logged("{x}" * 2000, x=""),
        lambda: logged("hello", log_flattened=3),
        lambda: {**logged("hello"), "log_format": b"hello"},
        lambda: {**logged("hello"), "log_format": 3},
    ],
)
def test_whatCannotBeToldIsText(make: Callable[[], LogEvent]) -> None:
    """
    That which twistd would have written, with its level.
    """
    come = told(make())
    stock = eventAsText(make(), includeTimestamp=False, includeSystem=False)
    text = eventAsText(come, includeTimestamp=False, includeSystem=False)
    assert text.split(" at 0x")[0][:40] == stock.split(" at 0x")[0][:40]
    assert come["log_level"] is LogLevel.warn


@pytest.mark.parametrize(
    "change",
    [
        {"log_level": None},
        {"log_time": None},
        {"log_time": float("nan")},
        {"log_namespace": None},
        {"log_system": 3},
        {"log_system": Mute()},
        {"log_namespace": Thing()},
    ],
)
def test_oddHeadsAreMended(change: LogEvent) -> None:
    """
    An application may say anything, and the primary accepts what is right.
    """
    event = {**logged("hello"), **change}
    come = eventOf(readRecord(recordOf(event, "info")))
    assert eventAsText(come).endswith("hello")


@pytest.mark.parametrize(
    "change",
    [
        {"system": 3},
        {"system": None},
        {"system": Mute()},
        {"time": "noon"},
        {"time": None},
        {"isError": None},
        {"message": "one"},
        {"message": None},
        {"format": 5},
        {"failure": "it broke"},
        {"log_failure": "it broke"},
        {"log_format": "{log_text!z}"},
    ],
)
def test_oddOlderEventsAreMended(change: LogEvent) -> None:
    """
    An application may log them for years, a hundred times a day: no primary is to take it
    for one that has been broken into.
    """
    event = logged("{log_text}", log_text="hello", log_namespace="log_legacy")
    event.update({"message": ("hello",), "isError": 0, "system": "-", "time": 1.0})
    event.update(change)
    come = told(event)
    stock = eventAsText(event, includeTimestamp=False, includeSystem=False)
    assert eventAsText(come, includeTimestamp=False, includeSystem=False) == stock


def test_endlessFailuresHaveAnEnd() -> None:
    """
    The innermost frames, and all of the text.
    """

    def call(n: int) -> None:
        if n == 0:
            raise ValueError("deep")
        call(n - 1)

    limit = sys.getrecursionlimit()
    try:
        sys.setrecursionlimit(5000)
        call(2000)
    except ValueError:
        come = told(logged("deep", log_failure=Failure()))
    finally:
        sys.setrecursionlimit(limit)
    failure = come["log_failure"]
    assert len(failure.frames) == 1000
    assert failure.getTraceback().count("in call") == 2001


def test_longOnesAreWhole() -> None:
    """
    Up to a limit.
    """
    come = told(logged("{x}", x="x" * 300_000))
    assert come["x"] == "x" * 300_000


def test_tooLongOnesAreCut() -> None:
    """
    And what is left of them is their text, with a mark.
    """
    event = logged("{x}", x="x" * 2_000_000)
    packed = recordOf(event, "warn")
    assert LONGEST_RECORD // 2 < len(packed) <= LONGEST_RECORD
    text = eventAsText(eventOf(readRecord(packed)))
    assert text.endswith("x" + CUT)
    assert len(textOf(event, "warn")) <= LONGEST_DATAGRAM


def test_ofVeryManyListsThereIsTheText() -> None:
    """
    The primary would be busy with them for too long.
    """
    event = logged("loaded {n}", n=1, rows=[[]] * (MOST_VALUES // HEAVY + 1))
    told = eventOf(readRecord(recordOf(event, "info")))
    assert told["log_text"] == "loaded 1"
    assert "rows" not in told
