"""
A program that a request has started goes on when its worker is gone, as it does when a
stock twistd is.
"""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest

from tests.process.cluster import RunningCluster, eventually, isAlive
from tests.process.surrounding import Stock, surrounded
from tests.process.trouble import Line

pytestmark = [pytest.mark.process, pytest.mark.timeout(60)]


def goesOn(directory: Path, running: RunningCluster, port: int, program: int) -> None:
    """
    The program writes to its standard output and error, and ends with grace.
    """
    (directory / "go-on").touch()
    eventually((directory / "gone-on").exists, "it could write")
    running.waitFor("after the end")
    running.waitFor("complaint")
    eventually(lambda: not isAlive(program), "it ends")


def test_stockTwistdIsGone(tmp_path: Path) -> None:
    """
    What its programs write is where it wrote itself.
    """
    with surrounded(Stock, tmp_path) as (twistd, port):
        with Line(port) as line:
            program = int(line.say(b"outliving"))
        twistd.signal(signal.SIGKILL)
        twistd.wait()
        assert isAlive(program)
        goesOn(tmp_path, twistd, port, program)


def test_aWorkerIsGone(tmp_path: Path) -> None:
    """
    Whether it has died or was replaced: what its programs write is logged as its own.
    """
    with surrounded(RunningCluster, tmp_path) as (cluster, port):
        with Line(port) as line:
            worker, program = int(line.say(b"pid")), int(line.say(b"outliving"))
        assert cluster.workerPids() == [worker]
        os.kill(worker, signal.SIGKILL)
        cluster.waitOnline(2)
        goesOn(tmp_path, cluster, port, program)
        said = re.findall(r" worker 1 \[\S+\] (after|complaint)", cluster.output())
        assert sorted(said) == ["after", "complaint"]


def test_theClusterIsGone(tmp_path: Path) -> None:
    """
    What its programs write goes nowhere, which it says.
    """
    with surrounded(RunningCluster, tmp_path) as (cluster, port):
        with Line(port) as line:
            program = int(line.say(b"outliving"))
        assert cluster.stop() == 0
        cluster.waitFor("what they write is read no longer")
        os.kill(program, signal.SIGKILL)
