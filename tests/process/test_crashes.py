"""
Workers that crash again and again are replaced at once, as long as they start.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.process.cluster import childrenOf, eventually
from tests.process.trouble import Line, server, troubled

pytestmark = [pytest.mark.process, pytest.mark.timeout(60)]
# A start takes well under a second; the back-off of the first round doubled beyond this.
GENEROUS = 5.0


def crash(port: int) -> None:
    """
    A request that ends the worker that serves it.
    """
    with Line(port) as line:
        line.tell(b"crash")
        assert line.hear() == b""


def pause(seconds: float) -> None:
    """
    Let workers be ready for a while.
    """
    begun = time.monotonic()
    eventually(lambda: time.monotonic() > begun + seconds, f"{seconds} s are over")


def test_crashAfterASecondOfServiceIsNoFailedStart(tmp_path: Path) -> None:
    """
    The first and only worker crashes: it had started, so that the cluster goes on.
    """
    with troubled(tmp_path, workers=1) as (_, port):
        pause(1.2)
        crash(port)
        assert server(port, GENEROUS)


@pytest.mark.slow
def test_oneCrashASecondLeavesSomebodyToServe(tmp_path: Path) -> None:
    """
    The only worker crashes seven times, each time after a second of service: its
    replacement serves within a generous time. (What doubles needs so many to be seen.)
    """
    with troubled(tmp_path, workers=1) as (cluster, port):
        # Whether a start has failed is another question.
        pause(1.0)
        for count in range(1, 8):
            cluster.waitOnline(count)
            pause(1.2)
            crash(port)
            assert server(port, GENEROUS), f"nobody serves after crash {count}"


def test_earlyDeathsDoNotLeaveNobody(tmp_path: Path) -> None:
    """
    As soon as one worker is up all are killed, seven times: as they can be started, there
    is soon another.
    """
    with troubled(tmp_path) as (cluster, port):
        pause(2.2)
        online = 2
        for _ in range(7):
            for pid in childrenOf(cluster.pid):
                os.kill(pid, signal.SIGKILL)
            eventually(lambda was=online: cluster.online() > was, "one is up", GENEROUS)
            online = cluster.online()
        assert server(port, GENEROUS)
