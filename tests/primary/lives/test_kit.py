"""
All that a primary has for one worker.
"""

from __future__ import annotations

from typing import Any, cast

import pytest
from twisted.internet.testing import MemoryReactorClock

from tests.leftovers import openNow
from twisted_cluster.policies.round_robin import RoundRobin
from twisted_cluster.primary.lives import kit as module
from twisted_cluster.primary.lives.process import WorkerProcess
from twisted_cluster.primary.lives.recipe import Recipe
from twisted_cluster.primary.lives.rooms import Rooms
from twisted_cluster.primary.lives.watcher import Watcher


def openDescriptors() -> set[str]:
    return set(openNow())


def make(rooms: Rooms) -> WorkerProcess:
    return WorkerProcess(rooms, 1, 1, Recipe([]), Watcher())


@pytest.mark.parametrize("part", ["Wires", "Hand", "Records", "Conversation"])
def test_nothingIsLeftWhenOnePartCannotBeMade(
    monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    """
    The system has no room for it.
    """
    rooms = Rooms.make(cast(Any, MemoryReactorClock()), RoundRobin, 0)
    before = openDescriptors()

    class Refusing:
        def __init__(self, *arguments: object) -> None:
            raise OSError(24, "Too many open files")

        make = __init__

    monkeypatch.setattr(module, part, Refusing)
    with pytest.raises(OSError, match="Too many open files"):
        make(rooms)
    assert openDescriptors() == before
    assert not rooms.reactor.getReaders()


def test_nothingIsLeftOfOneThatIsNotStarted() -> None:
    """
    What was made for it is closed, here and for the worker.
    """
    rooms = Rooms.make(cast(Any, MemoryReactorClock()), RoundRobin, 0)
    before = openDescriptors()
    make(rooms).abandon()
    assert openDescriptors() == before
    assert not rooms.reactor.getReaders()
