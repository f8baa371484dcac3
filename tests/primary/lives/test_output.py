"""
What workers write.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest
from twisted.internet.epollreactor import EPollReactor

from tests.logged import Logged
from tests.primary.lives.turning import turn
from twisted_cluster.primary.lives.output import (
    LAST_LINES,
    LINES,
    LINES_OF_OTHERS,
    Output,
)
from twisted_cluster.primary.lives.said import Said, Speaker


class Lines:
    """
    An L{Output}, and what a worker has of it.
    """

    def __init__(self, reactor: EPollReactor, rate: float = 0) -> None:
        self.said = Said(lambda: Speaker(1, 1, 1, 100), rate=rate)
        self.said.release()
        self.output = Output(reactor, self.said)
        given = self.output.childFDs()
        self.worker = os.dup(int(given[1]))
        os.set_blocking(self.worker, False)
        self.output.spawned(None)  # type: ignore[arg-type]

    def write(self, data: bytes) -> None:
        os.write(self.worker, data)

    def close(self) -> None:
        os.close(self.worker)
        self.output.finish()


@pytest.fixture
def lines(reactor: EPollReactor) -> Iterator[Lines]:
    """
    A worker's output, which it has not closed.
    """
    made = Lines(reactor)
    yield made
    made.close()


def test_eachLineIsText(reactor: EPollReactor, lines: Lines, logged: Logged) -> None:
    """
    Whatever it looks like; the rest waits for its end.
    """
    lines.write(b'one\n\x1e["critical","kernel","it burns"]\n\xffthree\nfo')
    turn(reactor)
    assert logged.texts() == ["one", '\x1e["critical","kernel","it burns"]', "\\xffthree"]
    lines.write(b"ur\n")
    turn(reactor)
    assert logged.texts()[3:] == ["four"]


@pytest.mark.parametrize("line", [b"\x1e" + b"[" * 5000, b"\x1e{" * 5000, b"\0" * 5000])
def test_noLineMakesItDeaf(
    reactor: EPollReactor, lines: Lines, logged: Logged, line: bytes
) -> None:
    """
    What comes next is read.
    """
    lines.write(line + b"\nnext\n")
    turn(reactor)
    assert logged.texts()[-1] == "next"


def test_manyShortLinesAreManyTurns(
    reactor: EPollReactor, lines: Lines, logged: Logged
) -> None:
    """
    A pipe full of them delays nobody; none is lost, and their order is kept.
    """
    whole = [str(number) for number in range(5000)]
    lines.write("\n".join(whole).encode() + b"\n")
    before = 0
    while len(logged.events) < len(whole):
        turn(reactor)
        assert len(logged.events) - before <= LINES
        before = len(logged.events)
    assert logged.texts() == whole


def test_emptyLinesSayNothing(
    reactor: EPollReactor, lines: Lines, logged: Logged
) -> None:
    """
    Nor do they keep others from being read.
    """
    lines.write(b"\n\none\n" + b"\n" * 60_000 + b"two\n\n\n")
    turn(reactor)
    assert logged.texts() == ["one", "two"]


def test_aLineWithoutEndIsCut(
    reactor: EPollReactor, lines: Lines, logged: Logged
) -> None:
    """
    It is logged in pieces.
    """
    for _ in range(4):
        lines.write(b"x" * 50_000)
        turn(reactor)
    assert 1 <= len(logged.events) <= 3
    lines.write(b"\n")
    turn(reactor)
    assert sum(map(len, logged.texts())) == 200_000


def test_deadWorkersLastWordsAreLogged(
    reactor: EPollReactor, lines: Lines, logged: Logged
) -> None:
    """
    Also without an end of line; very many as one text.
    """
    whole = [str(number) for number in range(LAST_LINES + 1000)]
    lines.write("\n".join(whole).encode())
    lines.output.finish()
    assert len(logged.events) == LAST_LINES + 1
    assert "\n".join(logged.texts()) == "\n".join(whole)


def test_whoOutlivesItIsReadOn(
    reactor: EPollReactor, lines: Lines, logged: Logged
) -> None:
    """
    The worker is gone, and a program that it has started goes on.
    """
    ended: list[bool] = []
    lines.write(b"last\nwo")
    assert lines.output.outlive(lambda: ended.append(True))
    assert logged.texts() == ["last", "wo"]
    lines.write(b"rds\n")
    turn(reactor)
    assert logged.texts() == ["last", "wo", "rds"]
    assert not ended
    os.close(lines.worker)
    turn(reactor)
    assert ended == [True]
    lines.worker = os.open(os.devnull, os.O_RDONLY)


def test_nobodyOutlivesIt(lines: Lines, logged: Logged) -> None:
    """
    The worker was the only one that had the pipe.
    """
    lines.write(b"last")
    os.close(lines.worker)
    assert not lines.output.outlive(lambda: None)
    assert logged.texts() == ["last"]
    assert not lines.output.outlive(lambda: None)
    lines.worker = os.open(os.devnull, os.O_RDONLY)


def test_whoOutlivesItDelaysNobody(
    reactor: EPollReactor, lines: Lines, logged: Logged
) -> None:
    """
    What it writes is logged in many turns, and in more than a worker's: they are many
    who may do so. Nor does it take all of the time.
    """
    lines.write(b"y\n" * 30_000)
    turn(reactor)
    before = len(logged.events)
    assert lines.output.outlive(lambda: None)
    assert len(logged.events) - before <= LAST_LINES + LINES
    for _ in range(3):
        before = len(logged.events)
        turn(reactor)
        assert len(logged.events) - before <= LINES_OF_OTHERS
    while len(logged.events) < 30_000:
        turn(reactor)
    lines.write(b"more\n")
    while len(logged.events) == 30_000:
        turn(reactor)
    assert logged.texts()[-1] == "more"


def test_whoWritesTooMuchIsReadLess(reactor: EPollReactor, logged: Logged) -> None:
    """
    What is more than it may write is left out and counted, and what comes next waits.
    """
    lines = Lines(reactor, rate=0.01)
    lines.write(b"y\n" * 1000)
    turn(reactor, 20)
    assert reactor.getDelayedCalls()
    lines.said.tellLeftOut()
    lines.close()
    why = "it logs more than 0.01 lines a second (--log-rate): "
    assert logged.texts() == [
        "y",
        f"{why}what is more is left out",
        f"{why}999 lines left out",
    ]


def test_whoWritesOnIsCutOff(lines: Lines) -> None:
    """
    A dead worker's child that writes without end: the pipe is closed, and soon.
    """
    begun = time.monotonic()
    lines.write(b"x\n" * 30_000)
    lines.output.finish()
    with pytest.raises(BrokenPipeError):
        lines.write(b"more")
    assert time.monotonic() - begun < 1.0


def test_endIsNoFailure(reactor: EPollReactor, logged: Logged) -> None:
    """
    A worker that closes its output is read no more.
    """
    lines = Lines(reactor)
    lines.write(b"last\n")
    os.close(lines.worker)
    turn(reactor, 3)
    assert logged.texts() == ["last"]
    lines.output.finish()
    lines.output.finish()
