"""
What the log says of a worker's end.
"""

from __future__ import annotations

import pytest
from attrs import Factory, frozen

from tests.logged import Logged
from twisted_cluster.core.endings import Ending
from twisted_cluster.primary.lives.said import Speaker
from twisted_cluster.primary.lives.told import tellEnding


@frozen
class Worker:
    """
    What is told of one.
    """

    name: str = "worker 2 (7)"
    speaker: Speaker = Factory(lambda: Speaker(2, 3, 1, 7))


@pytest.mark.parametrize(
    ("cut", "level"), [(0, "debug"), (3, "error")], ids=["nothing", "somebody"]
)
def test_whoHasCutSomebodyIsAlwaysNews(logged: Logged, cut: int, level: str) -> None:
    """
    Also where the ends of a slot's workers are no news any more.
    """
    tellEnding(Worker(), Ending(0.1, signal="SIGKILL", cut=cut), 0.2, isHushed=True)
    (event,) = logged.events
    assert event["log_level"].name == level
    assert ("3 connections were cut" in logged.texts()[0]) == bool(cut)
