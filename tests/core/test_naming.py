"""
How people name a worker.
"""

from __future__ import annotations

import pytest

from twisted_cluster.core.naming import workerNamed
from twisted_cluster.core.snapshot import Snapshot, WorkerSnapshot
from twisted_cluster.errors import CommandError

THERE = Snapshot(
    2,
    workers=[
        WorkerSnapshot(1, 1, 501, "leaving"),
        WorkerSnapshot(4, 1, 504, "ready"),
        WorkerSnapshot(5, 1, 505, "leaving"),
        WorkerSnapshot(2, 2, 502, "leaving"),
        WorkerSnapshot(3, 2, 503, "leaving"),
    ],
)


@pytest.mark.parametrize(
    ("name", "id"),
    [("1", 4), (" 1 ", 4), ("2", 3), ("pid:501", 1), ("id:5", 5)],
)
def test_aWorkerIsFound(name: str, id: int) -> None:
    """
    By its slot: the one that stays there, or the newest; or by what it alone has.
    """
    assert workerNamed(THERE, name).id == id


@pytest.mark.parametrize("name", ["3", "0", "pid:1", "id:9", "9" * 18])
def test_thereIsNone(name: str) -> None:
    """
    Who there is instead is said.
    """
    with pytest.raises(CommandError, match=f"no worker {name}; there are: 1, 2"):
        workerNamed(THERE, name)


@pytest.mark.parametrize("name", ["", "x", "-1", "pid:", "1.5", "9" * 100, "slot:1"])
def test_thatIsNoName(name: str) -> None:
    """
    What is one is said.
    """
    with pytest.raises(CommandError, match="give its number"):
        workerNamed(THERE, name)


def test_thereIsNobodyAtAll() -> None:
    """
    That is said.
    """
    with pytest.raises(CommandError, match="there are none"):
        workerNamed(Snapshot(1), "1")
