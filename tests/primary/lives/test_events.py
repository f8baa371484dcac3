"""
What workers have logged, whatever they say.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from twisted.logger import (
    FileLogObserver,
    LegacyLogObserverWrapper,
    LogEvent,
    LogLevel,
    LogPublisher,
    eventAsJSON,
    extractField,
    formatEvent,
    formatEventAsClassicLogText,
    textFileLogObserver,
)
from twisted.python import log as legacy
from twisted.python.failure import Failure

from twisted_cluster.core.records import FAILURE, LEVEL, UNTOLD, packRecord, readRecord
from twisted_cluster.errors import MessageError
from twisted_cluster.primary.lives.events import eventOf
from twisted_cluster.primary.lives.reviving import MOST

FINE: dict[str, Any] = {
    "log_level": "info",
    "log_namespace": "shop",
    "log_time": 1.8e9,
    "log_format": "hello {who}",
    "log_flattened": {"who!s:": "you", "who!:": "you"},
    "who": "you",
}
BROKEN: dict[str, Any] = {
    "module": "shop",
    "name": "Broken",
    "value": "it broke",
    "parents": ["shop.Broken", "builtins.Exception"],
    "frames": [["sell", "shop.py", 3, [], [["x", "1"]]]],
    "text": "Traceback: it broke\n",
}
# What would end the process, if it was called.
EXIT = "log_level.__class__.__init__.__globals__[sys].exit()"
ENDING = {"log_format": "{" + EXIT + "}"}


def shown(event: LogEvent) -> tuple[str, str, str]:
    """
    An event as the observers of Twisted have it, none of which may raise.
    """
    new, old = io.StringIO(), io.StringIO()
    troubles: list[LogEvent] = []
    publisher = LogPublisher(
        textFileLogObserver(new),
        LegacyLogObserverWrapper(legacy.FileLogObserver(old).emit),
        FileLogObserver(io.StringIO(), eventAsJSON),
        troubles.append,
    )
    publisher(event)
    assert troubles == [event]
    formatEventAsClassicLogText(event)
    return new.getvalue(), old.getvalue(), eventAsJSON(event)


def test_itIsAsItWas() -> None:
    """
    Level, namespace, format, fields.
    """
    event = eventOf(dict(FINE))
    assert event["log_level"] is LogLevel.info
    assert (event["log_namespace"], event["who"]) == ("shop", "you")
    assert formatEvent(event) == "hello you"
    assert event["log_logger"].namespace == "shop"
    assert all("hello you" in text for text in shown(event)[:2])


def test_failuresAreFailures() -> None:
    """
    With a class of that name, and the traceback that the worker has made.
    """
    event = eventOf({**FINE, "log_failure": {FAILURE: BROKEN}})
    failure = event["log_failure"]
    assert isinstance(failure, Failure)
    assert (failure.type.__module__, failure.type.__name__) == ("shop", "Broken")
    assert isinstance(failure.value, failure.type)
    assert str(failure.value) == failure.getErrorMessage() == "it broke"
    assert failure.check("shop.Broken", ValueError) == "shop.Broken"
    assert failure.getTraceback() == BROKEN["text"]
    assert "shop.py>:3:sell" in failure.getBriefTraceback()
    assert failure.getTracebackObject().tb_frame.f_code.co_name == "sell"
    new, old, packed = shown(event)
    assert "Traceback: it broke" in new
    assert "Traceback: it broke" in old
    assert '"parents": ["shop.Broken", "builtins.Exception"]' in packed


def test_nestedOnesAreFound() -> None:
    """
    Levels and failures are values like others.
    """
    fields = [{"a": {LEVEL: "warn"}}, {FAILURE: BROKEN}]
    event = eventOf({**FINE, "fields": fields})
    assert event["fields"][0]["a"] is LogLevel.warn
    assert isinstance(event["fields"][1], Failure)


def test_aTextNeedsNothingElse() -> None:
    """
    What is only text is told once.
    """
    text = {"log_format": "{log_text}", "log_text": "{braces}"}
    event = eventOf({"log_level": "info", **text})
    assert extractField("log_text", event) == "{braces}"
    assert all("{braces}" in text for text in shown(event))


def test_olderEventsAreForOlderObservers() -> None:
    """
    Their messages are tuples.
    """
    text = {"log_format": "{log_text}", "log_text": "one two"}
    more = {"message": ["one", "two"], "isError": 0, "system": "-", "time": 1.8e9}
    told = {"log_level": "info", "log_namespace": "log_legacy", **text, **more}
    event = eventOf(told)
    assert event["message"] == ("one", "two")
    assert "one two" in shown(event)[1]


def test_aMessageOfTheNewerKindIsAField() -> None:
    """
    Whatever it is.
    """
    event = eventOf({**FINE, "message": [1], "time": "noon", "failure": 3, "system": 4})
    assert event["message"] == [1]


@pytest.mark.parametrize(
    "change",
    [
        {"log_level": None},
        {"log_level": "loud"},
        {"log_level": ["info"]},
        {"log_namespace": None},
        {"log_namespace": ["shop"]},
        {"log_system": 3},
        {"log_time": None},
        {"log_time": "noon"},
        {"log_time": 1e15},
        {"log_time": float("nan")},
        {"log_time": float("-inf")},
        {"log_format": 7},
        {"log_format": ["{a}"]},
        {"log_format": "{"},
        {"log_format": "}"},
        {"log_format": "{other}"},
        {"log_format": "{who} {who}"},
        {"log_format": "{who!a}"},
        {"log_format": "{}" * 1000},
        {"log_format": "{{}}" * 1000},
        {"log_flattened": ["who!s:", "who!:"]},
        {"log_flattened": None},
        {"log_failure": "it broke"},
        {"log_failure": {"type": "it broke"}},
        {"log_failure": {FAILURE: None}},
        {"log_failure": {FAILURE: {}}},
        ENDING,
        {**ENDING, "log_flattened": {}},
        {**ENDING, "log_flattened": {f"{EXIT}!:": ""}},
    ],
)
def test_whatIsNoneIsRefused(change: dict[str, object]) -> None:
    """
    And nothing is looked up for it, nor called.
    """
    with pytest.raises(MessageError):
        eventOf({**FINE, **change})


@pytest.mark.parametrize(
    "change",
    [
        {"message": "one"},
        {"message": {"one": 1}},
        {"system": None},
        {"isError": "yes"},
        {"failure": "it broke"},
        {"time": "noon"},
        {"time": 1e300},
        {"format": ["%s"]},
    ],
)
def test_whatIsNoneOfTheOlderKindIsRefused(change: dict[str, object]) -> None:
    """
    Observers of that kind rely on it.
    """
    with pytest.raises(MessageError):
        eventOf({**FINE, "log_namespace": "log_legacy", **change})


@pytest.mark.parametrize(
    "change",
    [
        {"module": None},
        {"name": 3},
        {"name": "a\0b"},
        {"value": {"unpersistable": True}},
        {"parents": 3},
        {"parents": [[]]},
        {"frames": 3},
        {"frames": ["abcde"]},
        {"frames": [["sell", "shop.py", "3", [], []]]},
        {"frames": [["sell", "shop.py", 1e9, [], []]]},
        {"frames": [["sell", "shop.py", 10**30, [], []]]},
        {"frames": [["sell", None, 3, [], []]]},
        {"frames": [["sell", "shop.py", 3, None, []]]},
        {"frames": [["sell", "shop.py", 3, [["x"]], []]]},
        {"frames": [["sell", "shop.py", 3, [["x", 1]], []]]},
        {"text": None},
        {"name": "x" * 2000},
        {"frames": [["sell", "shop.py", 3, [], []]] * 1001},
    ],
)
def test_whatIsNoFailureIsRefused(change: dict[str, object]) -> None:
    """
    Fields that lie.
    """
    with pytest.raises(MessageError):
        eventOf({**FINE, "log_failure": {FAILURE: {**BROKEN, **change}}})


def test_filesThatNeverEndAreNotRead(tmp_path: Path) -> None:
    """
    Who wants to show the line reads what a worker calls its program.
    """
    pipe = tmp_path / "pipe.py"
    os.mkfifo(pipe)
    away = os.path.join(os.path.dirname(__file__), "..", "..", "proc", "self", "mem")
    files = ("/dev/zero", str(pipe), away, __file__)
    frames = [["sell", name, 3, [], []] for name in files]
    event = eventOf({**FINE, "log_failure": {FAILURE: {**BROKEN, "frames": frames}}})
    shown(event)
    names = [name for _, name, *_ in event["log_failure"].frames]
    assert names == ["</dev/zero>", f"<{pipe}>", f"<{away}>", __file__]
    for detail in ("default", "brief", "verbose"):
        assert event["log_failure"].getTraceback(detail=detail)


@pytest.mark.parametrize(
    "change",
    [
        {"log_trace": "mine"},
        {"log_logger": "mine"},
        {"log_source": {"a": 1}},
        {"log_legacy": "mine"},
        {"log_system": None},
        {"log_format": None},
        {"log_format": None, "log_failure": {FAILURE: BROKEN}},
        {"log_flattened": {"who!s:": {FAILURE: BROKEN}, "who!:": [1]}},
        {"__class_uuid__": "E76887E2-20ED-49BF-A8F8-BA25CC586F2D"},
        {"__proto__": 1, "": 2, "self": 3, "%": 4},
        {"big": 10**1000, "odd": float("nan")},
        {"format": "%(who)99999999999s"},
        {"format": "%(who)s" * 1000},
    ],
)
def test_oddOnesAreShown(change: dict[str, object]) -> None:
    """
    By all observers of Twisted.
    """
    shown(eventOf({**FINE, **change}))


@pytest.mark.parametrize("nested", [{LEVEL: "loud"}, {LEVEL: [1]}, {FAILURE: {}}])
def test_whatOnlyLooksLikeALevelIsAField(nested: dict[str, object]) -> None:
    """
    Who logs what a client has sent is not to be refused for it.
    """
    event = eventOf({**FINE, "nested": nested})
    assert event["nested"] == nested
    shown(event)


@pytest.mark.parametrize("wrap", [lambda x: [x], lambda x: {"a": x}])
def test_whatIsTooDeepIsLeftOut(wrap: Callable[[object], object]) -> None:
    """
    Observers go down by calling themselves.
    """
    deep: object = 1
    for _ in range(200):
        deep = wrap(deep)
    event = eventOf(readRecord(packRecord({**FINE, "deep": deep})))
    assert repr(event["deep"]).count("unpersistable") == 1
    shown(event)


@pytest.mark.parametrize(
    "many",
    [
        [[] for _ in range(300_000)],
        [{"a": {}} for _ in range(50_000)],
        [{FAILURE: BROKEN} for _ in range(3000)],
    ],
)
def test_whatIsTooMuchIsLeftOut(many: list[object]) -> None:
    """
    So that no event takes long.
    """
    event = eventOf({**FINE, "many": many})
    assert event["many"][0] == many[0] or isinstance(event["many"][0], Failure)
    assert event["many"][-1] == {"unpersistable": True}


def test_longFormatsOfTheOlderKind() -> None:
    """
    May be as long as nothing comes of them that is too long for any memory.
    """
    change = {"format": "%(who)s" * 1000}
    assert eventOf({**FINE, **change}, 8000)["format"] == change["format"]


def test_anEventOfManyThingsIsLogged() -> None:
    """
    Lists that are too many are left out; what the event cannot do without is not.
    """
    rows = [[n] for n in range(MOST + 1)]
    failure = {"log_failure": {FAILURE: BROKEN}}
    told = {"rows": rows, **FINE, **failure}
    event = eventOf(told)
    assert formatEvent(event) == "hello you"
    assert event["rows"][-1] == UNTOLD
    assert event["log_failure"].getErrorMessage() == "it broke"
