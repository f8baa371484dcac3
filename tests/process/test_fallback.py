"""
What becomes of connections while their policy is not asked.
"""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from tests.process.odd import connect, odd

pytestmark = [pytest.mark.process, pytest.mark.timeout(30)]

FIXTURES = Path(__file__).parent / "fixtures"
REPORT = {"app": "kinds.report"}


def serversOf(port: int, count: int, source: str = "127.0.0.1") -> Counter[int]:
    """
    Who serves so many clients, one after the other.
    """
    served: Counter[int] = Counter()
    for _ in range(count):
        with closing(connect(port, source)) as client:
            served[int(client.recv(100).split()[0])] += 1
    return served


@pytest.mark.parametrize("kind", ["slow-loyal", "slow-grouping"])
def test_slowPoliciesChooseStillWhoMayServe(kind: str) -> None:
    """
    That a policy is slow is said; its clients are served by their own worker, or by one
    of their group, all the same: others may not have what they need.
    """
    options = ["--group=own=1-2"] if kind == "slow-grouping" else []
    with odd(kind, FIXTURES, *options, workers=3, **REPORT) as (cluster, port):
        theirs = cluster.workerPids()[: 2 if kind == "slow-grouping" else 1]
        assert set(serversOf(port, 40)) <= set(theirs)
        cluster.waitFor("1 ms")


@pytest.mark.parametrize("kind", ["odd-loyal", "odd-grouping"])
def test_onlyWhomAPolicyFailsForGoesElsewhere(kind: str) -> None:
    """
    It raises for one address; that is said, and others go where they belong, also
    within the next second.
    """
    options = ["--group=own=1-2"] if kind == "odd-grouping" else []
    with odd(kind, FIXTURES, *options, workers=3, **REPORT) as (cluster, port):
        theirs = cluster.workerPids()[: 2 if kind == "odd-grouping" else 1]
        for _ in range(5):
            serversOf(port, 1, "127.0.0.9")
            assert set(serversOf(port, 8)) <= set(theirs)
        cluster.waitFor("an odd policy")
