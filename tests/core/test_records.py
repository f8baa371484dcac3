"""
Records of what workers log, and their bytes.
"""

from __future__ import annotations

import math
import time
from contextlib import nullcontext

import pytest

from twisted_cluster.core.records import (
    CUT,
    HEAVY,
    LONGEST_DATAGRAM,
    MOST_HALVES,
    MOST_VALUES,
    isIntricate,
    isTime,
    packRecord,
    packText,
    readRecord,
)
from twisted_cluster.errors import MessageError, VersionError


@pytest.mark.parametrize("text", ["", "one", "two\nlines", "\x1e[1]", "snow ☃", "\0"])
def test_whatIsPackedIsRead(text: str) -> None:
    """
    Any text is only text, and other values are what they were.
    """
    event = {"log_format": text, "n": 1, "x": 1.5, "none": None, "nested": {"a": [text]}}
    packed = packRecord(event)
    assert b"\n" not in packed
    assert readRecord(packed) == event


def test_whatIsNoJSONIsAskedFor() -> None:
    """
    And keys that are no text are left out.
    """
    packed = packRecord({"a": {1, 2}, "b": {(1, 2): 3, "c": 4}}, lambda thing: "set")
    assert readRecord(packed) == {"a": "set", "b": {"c": 4}}


@pytest.mark.parametrize("character", ["x", "☃", "\U0001f600", "\0"])
def test_whatIsTooLongIsCut(character: str) -> None:
    """
    Not more than is needed, nor so little that it does not fit.
    """
    packed = packText({"log_level": "info"}, character * 10**6, LONGEST_DATAGRAM)
    assert LONGEST_DATAGRAM // 2 < len(packed) <= LONGEST_DATAGRAM
    event = readRecord(packed)
    assert event["log_level"] == "info"
    assert str(event["log_text"]).endswith(character + CUT)


def test_anotherVersionIsRefused() -> None:
    """
    Its fields may mean something else.
    """
    with pytest.raises(VersionError, match="a log record of version 3: here it is 2"):
        readRecord(b'{"version": 3, "event": {}}')


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b'{"event": {}}',
        b'{"version": 2}',
        b'{"version": 2, "event": null}',
        b'{"version": 2, "event": ["aa", "bb"]}',
        b'["version", "event"]',
        b'"version"',
        b"[" * 50_000,
        b'{"version": 2, "event": ' + b'{"a":' * 50_000,
        b"\xff",
        b"1" * 5000,
    ],
)
def test_whatIsNoneIsRefused(data: bytes) -> None:
    """
    However deep, broken or foreign.
    """
    with pytest.raises(MessageError, match="no record"):
        readRecord(data)


def test_halfACharacterIsWritten() -> None:
    """
    JSON can say one, and so can a program; no file that logs are written to can.
    """
    data = b'{"version": 2, "event": {"a\\udFFf": ["b\\ud800"], "c": "\\ud83d\\ude00"}}'
    assert readRecord(data) == {"a\\udfff": ["b\\ud800"], "c": "\U0001f600"}
    assert readRecord(packRecord({"a": "b\ud800"})) == {"a": "b\\ud800"}


@pytest.mark.parametrize(
    ("value", "isOne"),
    [
        (0, True),
        (1.8e9, True),
        (-1.0, False),
        (1e12, False),
        (10**400, False),
        (math.nan, False),
        (math.inf, False),
        ("1", False),
        (None, False),
    ],
)
def test_aTimeHasADate(value: object, isOne: bool) -> None:
    """
    Which can be shown.
    """
    assert isTime(value) is isOne


def test_veryManyHalvesAreTold() -> None:
    """
    The first of them, and that there are more.
    """
    halves = "\\ud800" * (MOST_HALVES + 2)
    event = readRecord(b'{"version":2,"event":{"x":"%s"}}' % halves.encode())
    assert event == {"x": "\\ud800" * MOST_HALVES + "??"}


@pytest.mark.parametrize(
    ("item", "isMuch"),
    [
        (b"[]", True),
        (b"{}", True),
        (b'["a"]', True),
        (b'"["', False),
        (b'"\\"[{"', False),
        (b'"\\\\",[]', True),
        (b'"\\\\\\"[{"', False),
    ],
)
def test_manyListsAreNotRead(item: bytes, isMuch: bool) -> None:
    """
    Brackets in texts are none.
    """
    items = b",".join([item] * (MOST_VALUES // HEAVY + 1))
    record = b'{"version":2,"event":{"x":[' + items + b"]}}"
    assert isIntricate(record) is isMuch
    with pytest.raises(MessageError) if isMuch else nullcontext():
        readRecord(record)


@pytest.mark.parametrize(
    ("begin", "item", "end"),
    [(b"[", b"1", b"]"), (b"[", b'""', b"]"), (b"{", b'"a":1', b"}")],
)
def test_manyValuesAreNotRead(begin: bytes, item: bytes, end: bytes) -> None:
    """
    Of whatever kind.
    """
    items = begin + b",".join([item] * (MOST_VALUES + 2)) + end
    assert isIntricate(b'{"version":2,"event":{"x":' + items + b"}}")
    assert not isIntricate(b'{"version":2,"event":{"x":"%s"}}' % (b"[" * 500_000))


def test_aTextWithoutAnEnd() -> None:
    """
    Is looked at once.
    """
    begun = time.monotonic()
    assert not isIntricate(b'"' + b'[\\"' * 250_000)
    assert time.monotonic() - begun < 1.0
