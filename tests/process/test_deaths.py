"""
Workers die, one after the other: nothing of them stays in the primary.

C{python -m benchmarks.chaos --trouble death} is the same a thousand times.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.process.cluster import eventually, isAlive
from tests.process.verbs import Told, told

pytestmark = [pytest.mark.process, pytest.mark.timeout(900)]
WARMUP = 5
DEATHS = int(os.environ.get("DEATHS", "20"))
# What an allocator may keep for itself.
MEGABYTE = 1 << 20


def sizeOf(pid: int) -> tuple[int, int]:
    """
    How many descriptors a process has open, and its resident memory in bytes.
    """
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return len(os.listdir(f"/proc/{pid}/fd")), pages * os.sysconf("SC_PAGESIZE")


def killOne(cluster: Told) -> None:
    """
    And wait for the next.
    """
    victim = cluster.workerPids()[0]
    os.kill(victim, signal.SIGKILL)
    eventually(lambda: not isAlive(victim), "it is dead")
    eventually(lambda: cluster.workerPids()[0] != victim, "there is another")


def test_deadWorkersLeaveNothing(tmp_path: Path) -> None:
    """
    Neither descriptors nor objects nor memory.
    """
    with told(tmp_path, 1, "served.site") as cluster:
        for _ in range(WARMUP):
            killOne(cluster)
        objects, (descriptors, memory) = objectsOf(cluster), sizeOf(cluster.pid)
        for _ in range(DEATHS):
            killOne(cluster)
        # What the last one's end has begun is over in a moment.
        eventually(lambda: objectsOf(cluster) - objects < DEATHS, "none is left", 5.0)
        now, rss = sizeOf(cluster.pid)
        print(f"descriptors {descriptors} to {now}; {rss - memory} B")
        eventually(lambda: sizeOf(cluster.pid)[0] <= descriptors, "none is open", 5.0)
        assert rss - memory < 2 * MEGABYTE


def objectsOf(cluster: Told) -> int:
    """
    How many there are in the primary.
    """
    return int(cluster.tell("objects")[-1][1])
