"""
What a script's log is before it has one.
"""

from __future__ import annotations

import io
import warnings
from types import SimpleNamespace

import pytest
from twisted.logger import LogBeginner, LogEvent, Logger, LogLevel, LogPublisher

from twisted_cluster.logs.unheard import Unheard


class Script:
    """
    A process that does not log yet.
    """

    def __init__(self) -> None:
        self.error = io.StringIO()
        self.publisher = LogPublisher()
        self.streams = SimpleNamespace(stdout=io.StringIO(), stderr=self.error)
        self.beginner = LogBeginner(
            self.publisher,
            self.error,
            self.streams,
            SimpleNamespace(showwarning=warnings.showwarning),
        )
        self.publisher.addObserver(Unheard(self.publisher, self.beginner, self.streams))
        self.ours = Logger("twisted_cluster.somewhere", observer=self.publisher)
        self.theirs = Logger("shop", observer=self.publisher)
        self.events: list[LogEvent] = []

    def begin(self) -> None:
        self.beginner.beginLoggingTo([self.events.append], redirectStandardIO=False)


@pytest.fixture
def script() -> Script:
    """
    One that has just begun.
    """
    return Script()


def test_whatIsWrongIsSaid(script: Script) -> None:
    """
    Of the cluster; the rest is the program's affair. Each once.
    """
    for level in LogLevel.iterconstants():
        script.ours.emit(level, "ours {level_}", level_=level.name)
        script.theirs.emit(level, "theirs")
    *ours, critical, theirs = script.error.getvalue().splitlines()
    assert [line.partition(" ")[2] for line in ours] == [
        "[cluster#warn] ours warn",
        "[cluster#error] ours error",
    ]
    # That is Twisted's.
    assert (critical, theirs) == ("ours critical", "theirs")


def test_itsLogIsTheOnlyOne(script: Script) -> None:
    """
    As soon as it has begun; there it finds all of it.
    """
    script.ours.error("before")
    said = script.error.getvalue()
    script.begin()
    script.ours.error("after")
    assert script.error.getvalue() == said
    assert [event["log_format"] for event in script.events] == ["before", "after"]


def test_anyObserverIsOne(script: Script) -> None:
    """
    However it came there.
    """
    script.publisher.addObserver(script.events.append)
    script.ours.error("it hears that")
    assert script.error.getvalue() == ""
    assert len(script.events) == 1


@pytest.mark.parametrize("stream", [None, io.StringIO()])
def test_itMayHaveNoStandardError(script: Script, stream: io.StringIO | None) -> None:
    """
    Then there is nobody to tell.
    """
    if stream is not None:
        stream.close()
    script.streams.stderr = stream
    script.ours.error("unheard")
    assert script.error.getvalue() == ""
