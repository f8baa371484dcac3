"""
Workers that have served for long enough make way for others.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.process.cluster import childrenOf, eventually
from tests.process.loading.crowd import Plan
from tests.process.loading.load import Load
from tests.process.loading.outcome import inWords
from tests.process.verbs import Told, told

pytestmark = [pytest.mark.process, pytest.mark.timeout(90)]
MAKES_WAY = re.compile(r"worker \d+ \(\d+\) makes way: (.*)")


def renewed(cluster: Told) -> list[str]:
    """
    Why workers have made way so far.
    """
    return MAKES_WAY.findall(cluster.output())


@pytest.mark.parametrize(
    ("rules", "env", "count", "why"),
    [
        ({"maxServed": 50}, {}, 3, r"it has served \d+ connections"),
        ({"maxAge": 2.0}, {}, 3, r"it is [\d.]+ s old"),
        # None is replaced for that before it is ten seconds old.
        ({"maxRss": "120M"}, {"LEAK": "600000"}, 2, r"it has \d+ MB of memory"),
    ],
)
def test_wornWorkersAreRenewedUnderLoad(
    tmp_path: Path, rules: dict[str, object], env: dict[str, str], count: int, why: str
) -> None:
    """
    One at a time, the new one first, and again and again: nobody who asks meanwhile is
    turned away or cut, and nothing waits for a back-off.
    """
    most = 0
    with told(tmp_path, 2, "served.site", env, **rules) as cluster:
        with Load(Plan(("127.0.0.1", cluster.port), 8, 8, 0.1)) as load:

            def isEnough() -> bool:
                nonlocal most
                most = max(most, len(childrenOf(cluster.pid)))
                return len(renewed(cluster)) >= count

            eventually(isEnough, f"{count} have made way", 60.0)
            assert load.untilServed(100)
        assert not load.outcome.failed, inWords(load.outcome)
        assert most == 3
        assert all(re.fullmatch(why, one) for one in renewed(cluster))
        assert "again in" not in cluster.output()
