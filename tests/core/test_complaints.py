"""
What is said once a minute.
"""

from __future__ import annotations

from twisted_cluster.core.complaints import MINUTE, Complaints


def test_onceAMinute() -> None:
    """
    Each thing by itself, beginning with the first time.
    """
    now = 5
    complaints = Complaints(lambda: now)
    assert complaints.isDue("one")
    assert not complaints.isDue("one")
    assert complaints.isDue("two")
    now += MINUTE - 1
    assert not complaints.isDue("one")
    now += 1
    assert complaints.isDue("one")
