"""
What workers write is only text, however it looks and however much it is.
"""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest

from tests.process.cluster import RunningCluster, eventually
from tests.process.trouble import (
    Line,
    isServedBy,
    saidSince,
    server,
    troubled,
    waitServed,
)

pytestmark = [pytest.mark.process, pytest.mark.timeout(40)]
MARK = b"\x1e"
STREAMS = pytest.mark.parametrize("stream", [b"say ", b"complain "])


def lastLine(cluster: RunningCluster, line: Line, text: str) -> None:
    """
    A worker writes a line, which is logged.
    """
    assert line.say(b"say " + text.encode()) == b"said"
    eventually(lambda: text in cluster.output(), f"{text} is logged", 5.0)


@STREAMS
def test_deepNestingIsOnlyText(tmp_path: Path, stream: bytes) -> None:
    """
    A mark and brackets without end: the worker's output is read all the same, so that it
    can write more than a pipe holds.
    """
    with troubled(tmp_path, workers=1) as (cluster, port), Line(port) as line:
        assert line.say(stream + MARK + 5000 * b"[") == b"said"
        for _ in range(3):
            assert line.say(stream + MARK + 40_000 * b"[") == b"said"
        lastLine(cluster, line, "it is read to here")
        assert server(port) == cluster.workerPids()[0]


@STREAMS
def test_nobodyForgesARecord(tmp_path: Path, stream: bytes) -> None:
    """
    What looks like the cluster's own record is a line of text.
    """
    record = '["critical", "kernel", "the disk is on fire"]'
    with troubled(tmp_path, workers=1) as (cluster, port), Line(port) as line:
        line.say(stream + b"beside it " + MARK + record.encode())
        line.say(stream + MARK + record.encode())
        lastLine(cluster, line, "it is read to here")
        assert cluster.output().count(record) == 2
        forged = [text for text in saidSince(cluster) if text == "the disk is on fire"]
        assert not forged
        kernels = r"^\S+ (worker \d+ )?\[[^\]]*kernel"
        assert not re.search(kernels, cluster.output(), re.MULTILINE)


def test_childOfADeadWorkerStopsNobody(tmp_path: Path) -> None:
    """
    It writes without end to what was its parent's: the worker is replaced, others are
    served, and the cluster stops when it is told to.
    """
    with troubled(tmp_path) as (cluster, port), Line(port) as line:
        dead = int(line.say(b"pid"))
        line.say(b"child")
        cluster.waitFor("] y\n")
        os.kill(dead, signal.SIGKILL)
        waitServed(port, "somebody serves")
        cluster.waitFor(" ready after", 3)
        assert dead not in cluster.workerPids()
        eventually(lambda: isServedBy(port, cluster.workerPids()), "both serve", 10.0)
        assert cluster.stop() == 0


def test_livingChildStopsNobody(tmp_path: Path) -> None:
    """
    A worker's child that writes without end has its part of the primary's time, and not
    all of it.
    """
    with troubled(tmp_path) as (cluster, port):
        with Line(port) as line:
            line.say(b"child")
        for _ in range(10):
            assert server(port)
        assert cluster.stop() == 0


def test_manyShortLinesDoNotHoldUpWhoComes(tmp_path: Path) -> None:
    """
    Three clients that come one after the other are served before all lines of a worker
    are logged that wrote as many at once as a pipe holds.
    """
    with troubled(tmp_path) as (cluster, port), Line(port) as line:
        assert isServedBy(port, cluster.workerPids())
        os.kill(cluster.pid, signal.SIGSTOP)
        try:
            assert line.say(b"flood") == b"said"
        finally:
            os.kill(cluster.pid, signal.SIGCONT)
        for _ in range(3):
            assert server(port)
        logged = cluster.output().count("] y\n")
        assert logged < 30_000
        eventually(lambda: cluster.output().count("] y\n") == 30_000, "all are logged")
