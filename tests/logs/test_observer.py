"""
Who writes the log.
"""

from __future__ import annotations

import errno
import io
import os
from pathlib import Path

import pytest
from twisted.logger import ILogObserver, LogLevel
from zope.interface.verify import verifyObject

from tests.logged import logging
from twisted_cluster.logs.observer import LineObserver, hasColour

EVENT = {
    "log_time": 0.0,
    "log_level": LogLevel.error,
    "log_namespace": "shop",
    "log_format": "Zürich",
}


class Terminal(io.StringIO):
    """
    Somebody looks at it.
    """

    def isatty(self) -> bool:
        return True


def test_itIsAnObserver() -> None:
    """
    As Twisted wants one.
    """
    assert verifyObject(ILogObserver, LineObserver(io.StringIO()))


@pytest.mark.parametrize(
    ("environment", "isColoured"),
    [
        ({"TERM": "xterm"}, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False),
        ({"TERM": "xterm", "NO_COLOR": ""}, True),
        ({"TERM": "dumb"}, False),
        ({}, False),
    ],
)
def test_coloursAreForWhoWantsThem(environment: dict[str, str], isColoured: bool) -> None:
    """
    At a terminal, and never elsewhere.
    """
    assert hasColour(Terminal(), environment) is isColoured
    assert not hasColour(io.StringIO(), environment)


def test_whatAStreamCannotSayIsEscaped() -> None:
    """
    A log in the C locale loses nothing, and raises nothing.
    """
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    LineObserver(stream)(EVENT)
    assert raw.getvalue().endswith(b"[shop#error] Z\\xfcrich\n")


def test_lessThanTheLevelIsNotWritten() -> None:
    """
    Nor is what says nothing.
    """
    stream = io.StringIO()
    observer = LineObserver(stream, "critical")
    observer(EVENT)
    observer({"log_level": LogLevel.critical, "log_format": ""})
    assert stream.getvalue() == ""


def test_itKnowsWhereItWrites(tmp_path: Path) -> None:
    """
    So that nobody is told the same twice.
    """
    with open(tmp_path / "a", "w") as one, open(tmp_path / "b", "w") as other:
        same = os.dup(one.fileno())
        observer = LineObserver(one)
        assert observer.writesTo(same)
        assert not observer.writesTo(other.fileno())
        os.close(same)
        assert not observer.writesTo(same)
    assert not LineObserver(io.StringIO()).writesTo(1)


class Full(io.StringIO):
    """
    A disk that is full, for a while.
    """

    isFull = True

    def write(self, text: str) -> int:
        if self.isFull:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(text)


def test_linesThatAreLostAreTold(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Once where errors are written, at once; and in the log, when it can be written again.
    """
    stderr, stream = io.StringIO(), Full()
    monkeypatch.setattr("sys.__stderr__", stderr)
    observer = LineObserver(stream)
    for _ in range(3):
        observer(EVENT)
    why = "the log cannot be written: No space left on device"
    assert stderr.getvalue() == f"twistd cluster: {why}\n"
    stream.isFull = False
    with logging() as logged:
        observer(EVENT)
        observer(EVENT)
    assert logged.texts() == ["before this could be written 3 lines were lost"]
    assert stream.getvalue().count("Zürich") == 2
