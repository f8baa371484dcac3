"""
Memory of what has waited, and waits no more.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import gatherResults
from twisted.internet.task import Clock, deferLater

from twisted_cluster.core.codecs import JSON
from twisted_cluster.core.frames import MESSAGE, Frame
from twisted_cluster.wire import heap
from twisted_cluster.wire.mail import Mail
from twisted_cluster.wire.mailroom import Mailroom

MIB = 1 << 20
COUNT = 24_000
TEXT = "the quick brown fox jumps over the lazy dog, and the dog sleeps on\n" * 30


def resident() -> int:
    """
    @return: How much memory this process has, in bytes.
    """
    with open("/proc/self/statm") as said:
        return int(said.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def ignore(said: object) -> None:
    """
    It is of no interest.
    """


async def until(isTrue: Callable[[], bool]) -> None:
    for _ in range(1000):
        if isTrue():
            return
        await deferLater(reactor, 0.01, lambda: None)
    raise AssertionError("not within 10 s")


@pytest.mark.skipif(sys.platform != "linux", reason="nothing is told of memory")
@pytest.mark.skipif(heap._trim() is None, reason="the C library keeps it")
@pytest_twisted.ensureDeferred
async def test_aFloodTakesWhatItSaysAndIsGivenBack() -> None:
    """
    Texts of 2 KB, which their encoder puts where eight times as much would go.
    """
    ends, room = Mail.pair(), Mailroom.make(1 << 29)
    here, there = (Mail(reactor, end, ignore, ignore, room) for end in ends)
    there.pause()
    before = resident()
    sent = [here.send(Frame(MESSAGE, body=JSON.encode(TEXT))) for _ in range(COUNT)]
    assert here.held <= COUNT * 3200
    assert resident() - before < here.held + 40 * MIB
    there.resume()
    await gatherResults(sent)
    del sent
    await until(lambda: resident() - before < 24 * MIB)
    here.close()
    there.close()


def test_whereTheLibraryKeepsItNothingIsDone(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Nor is anything asked before its time.
    """
    asked: list[int] = []
    clock = Clock()
    monkeypatch.setattr(heap, "_trim", lambda: asked.append)
    heap.giveBackSoon(clock)
    assert asked == []
    clock.advance(heap.SOON)
    assert asked == [0]
    monkeypatch.setattr(heap, "_trim", lambda: None)
    heap.giveBack()
