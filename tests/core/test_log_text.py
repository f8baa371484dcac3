"""
What was logged, as a line.
"""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis.strategies import text

from twisted_cluster.core.log_text import (
    LogLine,
    LogObject,
    isRoutine,
    rank,
    shortSystem,
)
from twisted_cluster.core.visible import MOST_ESCAPED, visible

TIME = "2026-11-26T21:00:00+0000"


def test_aLineSaysWhoAndHowGrave() -> None:
    """
    A worker by its number, before the brackets.
    """
    own = LogLine(TIME, "warn", "twisted_cluster.primary.service", "low")
    assert own.asText() == f"{TIME} [cluster#warn] low\n"
    worker = LogLine(TIME, "error", "shop", "no stock", 2)
    assert worker.asText() == f"{TIME} worker 2 [shop#error] no stock\n"


def test_severalLinesAreIndented() -> None:
    """
    As stock, and without an empty one at the end.
    """
    line = LogLine(TIME, "error", "shop", "bad\r\nTraceback:\n\tx\n")
    assert line.asText() == f"{TIME} [shop#error] bad\n\tTraceback:\n\t\tx\n"


def test_onlyTheLevelIsColoured() -> None:
    """
    And that of warnings and errors alone.
    """
    said = LogLine(TIME, "error", "shop", "bad").asText(hasColour=True)
    assert said == f"{TIME} [shop#\x1b[31merror\x1b[0m] bad\n"
    assert "\x1b" not in LogLine(TIME, "info", "shop", "x").asText(hasColour=True)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b[2J", "\\x1b[2J"),
        ("a\rb\x08", "a\\x0db\\x08"),
        ("\x9b31m\x7f\0", "\\x9b31m\\x7f\\x00"),
        ("\u202etxt\u2066\u200f", "\\u202etxt\\u2066\\u200f"),
        ("a\u2028b\x85c\x0bd", "a\\u2028b\\x85c\\x0bd"),
        ("\ud800", "\\ud800"),
        ("Zürich 日本 🙂\tx", "Zürich 日本 🙂\tx"),
    ],
)
def test_whatSteersATerminalIsEscaped(raw: str, shown: str) -> None:
    """
    What people write is not.
    """
    assert visible(raw) == shown


@given(text(), text())
def test_nobodyCanForgeALine(system: str, said: str) -> None:
    """
    Only the first line begins at the margin, whatever is said, and whoever says it.
    """
    whole = LogLine(TIME, "info", system, said, 1).asText()
    first, *rest = whole[:-1].split("\n")
    assert whole.endswith("\n")
    assert first.startswith(f"{TIME} worker 1 [")
    assert all(line.startswith("\t") for line in rest)
    assert len(whole.splitlines()) == 1 + len(rest)


def test_theClusterIsCalledSo() -> None:
    """
    Whichever part of it speaks; others keep their names.
    """
    assert shortSystem("twisted_cluster.worker.link") == "cluster"
    assert shortSystem("twisted_clusters") == "twisted_clusters"
    assert shortSystem("HTTP,1\n2026") == "HTTP,1\\n2026"


@pytest.mark.parametrize(
    ("namespace", "form", "said", "isOne"),
    [
        ("log_legacy", "", "Site starting on 8080", True),
        ("log_legacy", "", "Site (TLS) starting on 8443", True),
        ("log_legacy", "", "Site starting on '/run/x'", True),
        ("log_legacy", "", "(TCP Port 8080 Closed)", True),
        ("log_legacy", "", "(UDP Port 53 Closed)", True),
        ("log_legacy", "", "Starting protocol <server.DNSProtocol object at 0x7f>", True),
        ("log_legacy", "", "Stopping protocol <server.DNSProtocol object at 0x7f>", True),
        ("log_legacy", "", "Starting protocol <x> version 2", False),
        ("twisted.internet.base", "Main loop terminated.", "Main loop terminated.", True),
        ("twisted.web.server.Site", "Starting factory {factory!r}", "x", True),
        ("shop", "", "Site starting on 8080", False),
        ("log_legacy", "", "the sale is starting on Monday", False),
        ("log_legacy", "", "(TCP Port 8080 Closed) by me", False),
    ],
)
def test_whatEachWorkerSaysIsKnown(
    namespace: str, form: str, said: str, isOne: bool
) -> None:
    """
    Twisted's lines about ports and its loop; what an application says never.
    """
    assert isRoutine(namespace, form, said) is isOne


def test_anObjectIsOneLine() -> None:
    """
    An application's fields are apart; what JSON cannot say is text, or left out.
    """
    line = LogLine(TIME, "error", "HTTPChannel", "no\nstock", 2)
    fields = {"worker": 9, "x": float("nan"), "y": object(), "z": None}
    known = {"worker": 2, "pid": 77}
    said = LogObject(line, "shop", known, "Traceback", fields).asJSON()
    assert said.count("\n") == 1
    assert json.loads(said) == {
        "time": TIME,
        "level": "error",
        "namespace": "shop",
        "system": "HTTPChannel",
        "worker": 2,
        "pid": 77,
        "text": "no\nstock",
        "failure": "Traceback",
        "fields": {"worker": 9, "x": "nan", "z": None},
    }


def test_levelsHaveAnOrder() -> None:
    """
    What is no level is as grave as an error.
    """
    assert rank("debug") < rank("info") < rank("warn") < rank("odd") < rank("critical")


def test_manyThatCannotBeSeenAreMarked() -> None:
    """
    The first are told; the others, for which there is no time, are no less harmless.
    """
    shown = visible("\x1b" * (MOST_ESCAPED + 2) + "é")
    assert shown == "\\x1b" * MOST_ESCAPED + "\ufffd\ufffdé"
    assert visible("\x1b" * (MOST_ESCAPED - 1)) == "\\x1b" * (MOST_ESCAPED - 1)


def test_longTextIsNoRoutine() -> None:
    """
    To look for what it says of ports would take minutes.
    """
    begun = time.monotonic()
    assert not isRoutine("log_legacy", "{log_text}", "x" + " starting on 'a" * 20_000)
    assert time.monotonic() - begun < 1.0
