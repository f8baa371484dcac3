"""
Log records and their bytes.
"""

from __future__ import annotations

import pytest

from twisted_cluster.core.records import (
    CUT,
    LONGEST_RECORD,
    Record,
    packLogRecord,
    readLogRecord,
)
from twisted_cluster.errors import MessageError, VersionError


@pytest.mark.parametrize("text", ["", "one", "two\nlines", "\x1e[1]", "snow ☃", "\0"])
def test_whatIsPackedIsRead(text: str) -> None:
    """
    Any text is only text.
    """
    record = Record("info", "-", text)
    packed = packLogRecord(record)
    assert b"\n" not in packed
    assert readLogRecord(packed) == record


@pytest.mark.parametrize("character", ["x", "☃", "\U0001f600", "\0"])
def test_whatIsTooLongIsCut(character: str) -> None:
    """
    Not more than is needed, nor so little that it does not fit.
    """
    packed = packLogRecord(Record("info", character * 10**6, character * 10**6))
    assert LONGEST_RECORD // 2 < len(packed) <= LONGEST_RECORD
    record = readLogRecord(packed)
    assert record.text.endswith(character + CUT)


def test_moreFieldsAreForLater() -> None:
    """
    They are left alone.
    """
    more = b'{"version": 1, "level": "info", "system": "-", "text": "one", "more": 2}'
    assert readLogRecord(more) == Record("info", "-", "one")


def test_anotherVersionIsRefused() -> None:
    """
    Its fields may mean something else.
    """
    other = b'{"version": 2, "level": "info", "system": "-", "text": "one"}'
    with pytest.raises(VersionError, match="a log record of version 2: here it is 1"):
        readLogRecord(other)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b'{"level": "info", "system": "-", "text": "one"}',
        b"[" * 50_000,
        b'["info", "-", "text"]',
        b'{"level": "info"}',
        b'{"version": 1, "level": "info", "system": "-", "text": 1}',
        b'{"version": 1, "level": ["info"], "system": "-", "text": ""}',
        b"\xff",
        b"1" * 5000,
    ],
)
def test_whatIsNoneIsRefused(data: bytes) -> None:
    """
    However deep, broken or foreign.
    """
    with pytest.raises(MessageError, match="not a log record"):
        readLogRecord(data)


def test_halfACharacterIsWritten() -> None:
    """
    JSON can say one; no file that logs are written to can.
    """
    data = b'{"version": 1, "level": "info", "system": "a\\udfff", "text": "b\\ud800"}'
    record = readLogRecord(data)
    assert (record.system, record.text) == ("a\\udfff", "b\\ud800")
