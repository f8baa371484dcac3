"""
How workers take leave of the clients of web servers.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.process.leaving import ASK, asked, client, leaving, rest, stopping
from tests.process.loading.crowd import Plan
from tests.process.loading.load import Load
from tests.process.loading.outcome import inWords

pytestmark = [pytest.mark.process, pytest.mark.timeout(60)]

CLIENTS = 100
CLOSES = b"connection: close"


def answers(received: bytes) -> list[bytes]:
    """
    The heads and bodies of answers that follow each other, in lower case.
    """
    return received.lower().split(b"http/1.1 ")[1:]


@pytest.mark.parametrize("policy", ["round-robin", "none"])
def test_idleClientsAreClosedAtOnceAndInOrder(tmp_path: Path, policy: str) -> None:
    """
    A hundred of them, whether or not they look; each has it within a second.
    """
    with leaving("site", tmp_path, f"--policy={policy}", workers=2) as (cluster, port):
        clients = [asked(port) for _ in range(CLIENTS)]
        begun = stopping(cluster)
        for one in clients:
            assert one.recv(100) == b""
        assert time.monotonic() - begun < 1.0
        # On a quiet machine it takes 0.3 s; two processes end at that.
        assert cluster.wait() == 0
        assert time.monotonic() - begun < 5.0, cluster.output()
        for one in clients:
            one.close()
        assert "nothing was cut" in cluster.output()


def test_whoWaitsForAnAnswerIsToldWithIt(tmp_path: Path) -> None:
    """
    That it is the last one. So is who has sent several at once, with the last of them;
    whoever has had the head of an answer already just has the rest.
    """
    with leaving("site", tmp_path) as (cluster, port):
        slow = client(port, ASK % b"/slow")
        several = client(port, ASK % b"/slow" + 2 * (ASK % b"/"))
        begun = asked(port, b"/begun")
        old = client(port, b"GET /slow HTTP/1.0\r\n\r\n")
        asked(port).close()
        stopping(cluster)
        (answer,) = answers(rest(slow))
        assert CLOSES in answer
        assert b"done" in answer
        first, second, third = answers(rest(several))
        assert CLOSES not in first + second
        assert CLOSES in third
        assert rest(begun).endswith(b"4\r\ndone\r\n0\r\n\r\n")
        assert rest(old).endswith(b"done")
        assert cluster.wait() == 0
        assert "nothing was cut" in cluster.output(), cluster.output()


def test_whoIsAboutToAskIsAnswered(tmp_path: Path) -> None:
    """
    Who has connected just now, and who has begun to ask.
    """
    with leaving("site", tmp_path) as (cluster, port):
        half = client(port, b"GET / HT")
        posting = client(
            port,
            b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 5\r\n"
            b"Expect: 100-continue\r\n\r\n",
        )
        assert posting.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        new = client(port)
        stopping(cluster)
        cluster.waitFor("waiting for")
        new.sendall(ASK % b"/")
        half.sendall(b"TP/1.1\r\nHost: here\r\n\r\n")
        posting.sendall(b"12345")
        for one in (new, half, posting):
            (answer,) = answers(rest(one))
            assert CLOSES in answer
        assert b"5 bytes" in answer
        assert cluster.wait() == 0
        assert "nothing was cut" in cluster.output(), cluster.output()


def test_whoNeverAsksIsWaitedForTwoSeconds(tmp_path: Path) -> None:
    """
    And not until the time-out is over.
    """
    with leaving("site", tmp_path) as (cluster, port):
        new = client(port)
        asked(port).close()
        begun = stopping(cluster)
        assert rest(new) == b""
        assert cluster.wait() == 0
        assert time.monotonic() - begun < 5.0


def test_wsgiIsNoOther(tmp_path: Path) -> None:
    """
    It runs in threads.
    """
    with leaving("slowly", tmp_path) as (cluster, port):
        slow = client(port, ASK % b"/")
        stopping(cluster)
        (answer,) = answers(rest(slow))
        assert CLOSES in answer
        assert answer.endswith(b"done")


def test_whatNeverEndsIsCutWhenTheTimeIsOver(tmp_path: Path) -> None:
    """
    As an event stream, or a client that begins and never goes on.
    """
    with leaving("site", tmp_path, "--drain-timeout=1") as (cluster, port):
        half = client(port, b"GET / HT")
        asked(port).close()
        begun = stopping(cluster)
        assert cluster.wait() == 0
        assert 1.0 <= time.monotonic() - begun < 4.0
        half.close()
        assert "1 connection" in cluster.output()


def test_whoAsksAgainAndAgainGoesWithoutNothing(tmp_path: Path) -> None:
    """
    Clients that keep their connections, while one worker after the other leaves.
    """
    with leaving("served.site", tmp_path, workers=2) as (cluster, port):
        with Load(Plan(("127.0.0.1", port), closing=4, keeping=24)) as load:
            for left in range(1, 5):
                assert load.untilServed(200)
                os.kill(cluster.workerPids()[left % 2], signal.SIGTERM)
                cluster.waitOnline(2 + left)
        assert not load.outcome.failed, inWords(load.outcome)
        assert not load.outcome.resetIdle
        assert len(load.outcome.pids) >= 5
        assert "cut" not in cluster.output()
