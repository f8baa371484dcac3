"""
What is known of a reload.
"""

from __future__ import annotations

from typing import Any, cast

from twisted.internet.task import Clock

from tests.logged import Logged
from twisted_cluster.primary.lives.reloads import Reloads


def test_whoCannotBeJudgedIsNoGood(logged: Logged) -> None:
    """
    Else the reload would have no end.
    """
    reloads = Reloads(Clock(), cast(Any, None), {}, lambda: None)
    assert reloads.judge() == "the canary could not be judged"
    assert logged.texts() == ["the canary cannot be judged"]
