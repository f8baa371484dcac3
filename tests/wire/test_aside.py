"""
What may never come back.
"""

from __future__ import annotations

import threading
import time
from itertools import count

import pytest

from tests.process.cluster import eventually
from twisted_cluster.wire import aside as module
from twisted_cluster.wire.aside import aside


def test_whatComesBackIsReturned() -> None:
    """
    Also what it raises.
    """
    assert aside(lambda: 5, print) == 5
    with pytest.raises(ValueError, match="no"):
        aside(lambda: int("no"), print)


def test_nobodyWaitsForEver(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    What comes late is given to who clears up.
    """
    monkeypatch.setattr(module, "LONGEST", 0.05)
    event, late = threading.Event(), list[bool]()
    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        aside(lambda: event.wait(10.0), late.append)
    assert time.monotonic() - begun < 5.0
    assert late == []
    event.set()
    eventually(lambda: late == [True], "it is cleared up")


def test_whoWasStoppedBlamesNobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    However much later it is when this process goes on (SIGSTOP, a suspended machine).
    """
    clock = count(0.0, 3600.0)
    monkeypatch.setattr(module.time, "monotonic", lambda: next(clock))
    assert aside(lambda: threading.Event().wait(0.05), print) is False


def test_withoutThreadsItIsCalledHere(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A system that has none to spare.
    """

    def fail(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", fail)
    assert aside(threading.current_thread, print) is threading.main_thread()
