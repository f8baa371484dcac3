"""
What a cluster is just now.
"""

from __future__ import annotations

import pytest
from attrs.exceptions import FrozenInstanceError

from twisted_cluster.core.snapshot import Counted, Snapshot, WorkerSnapshot


def test_theDeadCountToo() -> None:
    """
    Sums are over those that there are and those that are gone.
    """
    snapshot = Snapshot(
        2,
        workers=[
            WorkerSnapshot(3, 1, 100, "ready", taken=5, opened=4, closed=1),
            WorkerSnapshot(4, 2, 101, "ready", taken=1, opened=1, closed=1),
        ],
        gone=Counted(started=4, crashed=2, handed=10, opened=9, closed=9),
    )
    assert snapshot.counted == Counted(4, 2, 0, 16, 14, 11)


@pytest.mark.parametrize(
    ("state", "isStopping", "isReady"),
    [
        ("ready", False, True),
        ("ready", True, False),
        ("starting", False, False),
        ("leaving", False, False),
    ],
)
def test_readyIsWhoCanServe(state: str, isStopping: bool, isReady: bool) -> None:
    """
    One worker that is ready is enough; who stops is not.
    """
    one = WorkerSnapshot(1, 1, 100, state)
    assert Snapshot(1, isStopping=isStopping, workers=[one]).isReady is isReady
    assert not Snapshot(1).isReady


def test_itIsFrozen() -> None:
    """
    A face cannot change it.
    """
    with pytest.raises(FrozenInstanceError):
        Snapshot(1).wanted = 2  # type: ignore[misc]
