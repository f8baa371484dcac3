"""
What a primary does again and again.
"""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any, cast

import pytest
from twisted.internet.task import Clock

from tests.logged import logging
from twisted_cluster.primary import pulse as module
from twisted_cluster.primary.pulse import REAP, Pulse


class Looks:
    """
    A pulse, and what it has called.

    @ivar called: That.
    """

    def __init__(self) -> None:
        self.clock = Clock()
        self.called: list[str] = []
        door = SimpleNamespace(look=self._note("look"), rest=self._note("rest"))
        rooms = SimpleNamespace(reactor=self.clock, door=door, guardian=None)
        self.pulse = Pulse(cast(Any, rooms), self._note("tick"))

    def _note(self, what: str) -> Any:
        return lambda: self.called.append(what)

    def after(self, seconds: float) -> list[str]:
        self.called.clear()
        self.clock.pump([0.05] * round(seconds / 0.05))
        return self.called


def test_itLooksAsLongAsThereAreWorkers() -> None:
    """
    And begins again.
    """
    looks = Looks()
    assert looks.after(1.0) == []
    for _ in range(2):
        looks.pulse.start()
        looks.pulse.start()
        assert looks.after(0.11) == ["look", "tick"] * 2
        looks.pulse.rest()
        assert looks.called[-1] == "rest"
        assert looks.after(1.0) == []
        assert looks.clock.getDelayedCalls() == []


def test_oneThatFailsStopsNoOther() -> None:
    """
    Nor itself; it is told.
    """
    looks = Looks()
    looks.pulse.rooms.door.look = lambda: divmod(1, 0)  # type: ignore
    failing = Pulse(looks.pulse.rooms, looks._note("tick"))
    failing.start()
    with logging() as logged:
        assert looks.after(0.21) == ["tick"] * 4
    assert len(logged.events) == 1


def test_onlyProcessOneReaps(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Others have no orphans.
    """
    reaped: list[str] = []
    reaper = SimpleNamespace(reap=lambda: reaped.append("reap"))
    monkeypatch.setattr(module, "Reaper", lambda seconds: reaper)
    looks = Looks()
    looks.pulse.start()
    looks.after(REAP + 0.1)
    assert reaped == []
    looks.pulse.rest()
    monkeypatch.setattr(os, "getpid", lambda: 1)
    looks.pulse.start()
    looks.after(REAP + 0.1)
    assert reaped == ["reap"]
