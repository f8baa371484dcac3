"""
How much there may be of something in a time.
"""

from __future__ import annotations

from twisted_cluster.core.bucket import SAVED, Bucket


def test_whatIsSavedMayComeAtOnce() -> None:
    """
    And then as much as the time brings.
    """
    bucket = Bucket(10.0)
    assert sum(bucket.takes(100.0, 1.0) for _ in range(100)) == 10 * SAVED
    assert sum(bucket.takes(100.5, 1.0) for _ in range(100)) == 5
    assert sum(bucket.takes(1000.0, 1.0) for _ in range(100)) == 10 * SAVED


def test_whatIsLargeIsPaidForLater() -> None:
    """
    It may come while there is anything left.
    """
    bucket = Bucket(10.0)
    assert bucket.takes(0.0, 1000.0)
    assert not bucket.takes(89.0, 1.0)
    assert bucket.takes(91.0, 1.0)


def test_withoutARateThereIsNoEnd() -> None:
    """
    Any amount is let.
    """
    bucket = Bucket(0.0)
    assert all(bucket.takes(0.0, 1e9) for _ in range(10))
