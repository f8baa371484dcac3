"""
Workers that say how they are asked where they are, and lie.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from io import FileIO
from typing import Any, cast

import pytest
from twisted.internet.testing import MemoryReactorClock

from twisted_cluster.core.process_status import ProcessStatus
from twisted_cluster.errors import CommandError
from twisted_cluster.primary.lives import stacks
from twisted_cluster.primary.lives.stacks import Stacks


class Said:
    """
    A page, and a process that gets signals.

    @ivar numbers: What the page says, one after the other.
    @ivar signals: Those.
    """

    pid = 1

    def __init__(self, *numbers: int) -> None:
        self.numbers = list(numbers)
        self.signals: list[int] = []

    @property
    def stacks(self) -> int:
        return self.numbers.pop(0)

    def signal(self, number: int) -> None:
        self.signals.append(number)


@pytest.fixture
def end() -> Iterator[FileIO]:
    """
    A pipe to which nobody writes.
    """
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    with open(reading, "rb", buffering=0) as ours:
        yield ours
    os.close(writing)


def _ask(end: FileIO, said: Said) -> list[str]:
    clock, failures = MemoryReactorClock(), list[str]()
    asked = Stacks(cast(Any, clock), end, cast(Any, said), said).ask()
    asked.addErrback(lambda failure: failures.append(str(failure.check(CommandError))))
    clock.advance(stacks.LIMIT)
    return failures


def test_whatWasLookedAtIsSent(end: FileIO, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    And not what the worker has written since.
    """
    caught = ProcessStatus(caught=1 << signal.SIGUSR1 - 1)
    monkeypatch.setattr(stacks, "statusOf", lambda pid: caught)
    said = Said(signal.SIGUSR1, 1 << 62)
    assert len(_ask(end, said)) == 1
    assert said.signals == [signal.SIGUSR1]


@pytest.mark.parametrize("number", [0, 1000, 1 << 62, signal.SIGKILL, signal.SIGSTOP])
def test_whatIsNoSignalToBeCaughtIsNotSent(
    end: FileIO, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """
    Also where the system does not say what a process catches.
    """
    monkeypatch.setattr(stacks, "statusOf", lambda pid: None)
    said = Said(number)
    assert len(_ask(end, said)) == 1
    assert said.signals == []


def test_itSteersNoTerminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Whatever a worker writes where its stacks are expected.
    """
    monkeypatch.setattr(stacks, "statusOf", lambda pid: None)
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    clock, told = MemoryReactorClock(), list[str]()
    said = Said(signal.SIGUSR1)
    with open(reading, "rb", buffering=0) as ours:
        asking = Stacks(cast(Any, clock), ours, cast(Any, said), said)
        asking.ask().addCallback(told.append)
        os.write(writing, b"\x1b]0;mine\x07one\ntwo")
        os.close(writing)
        for reader in clock.getReaders():
            reader.doRead()
        clock.advance(stacks.LIMIT)
    assert told == ["\\x1b]0;mine\\x07one\ntwo"]
