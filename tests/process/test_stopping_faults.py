"""
A step of a stop that fails holds up no other one: who is being served is served to the
end, the primary waits for it, and what failed is said.
"""

from __future__ import annotations

import time
from pathlib import Path
from signal import SIGTERM

import pytest

from tests.process.cluster import RunningCluster, eventually, freePort
from tests.process.ports import isRefused
from tests.process.trouble import Line, saidSince, troubled

pytestmark = [pytest.mark.process, pytest.mark.timeout(40)]


def stopWhileServing(cluster: RunningCluster, port: int) -> list[str]:
    """
    Two clients are there, of whom one has said nothing; when they have seen that they
    are served still, they leave.

    @return: What is said meanwhile.
    """
    with Line(port) as line, Line(port):
        worker = line.say(b"pid")
        before = len(cluster.output())
        cluster.signal(SIGTERM)
        eventually(lambda: isRefused(port), "nobody listens")
        begun = time.monotonic()
        eventually(lambda: time.monotonic() > begun + 0.5, "half a second is over")
        assert cluster.process.poll() is None
        assert line.say(b"pid") == worker
    assert cluster.wait() == 0
    return saidSince(cluster, before)


def test_socketFileThatCannotBeRemoved(tmp_path: Path) -> None:
    """
    There is a directory in its place: other ports are closed.
    """
    path, other = tmp_path / "socket", freePort()
    listens = [f"--listen=unix:{path}", f"--listen=tcp:{other}"]
    with troubled(tmp_path, *listens, workers=1) as (cluster, port):
        path.unlink()
        path.mkdir()
        stopWhileServing(cluster, port)
        assert isRefused(other)


def test_policyThatFailsWhenTheClusterStops(tmp_path: Path) -> None:
    """
    It is asked about who has said nothing yet, and wants to end the process.
    """
    policy = "--policy=failing-to-look:way=silent"
    with troubled(tmp_path, policy, workers=1) as (cluster, port):
        said = stopWhileServing(cluster, port)
        assert any("SystemExit" in text for text in said), said
