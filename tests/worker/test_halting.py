"""
Stops that do not end by themselves.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.selectreactor import SelectReactor

from twisted_cluster.worker.halting import endStop


def test_aStopGoesOnWithoutWhatItWaitsFor() -> None:
    """
    Each step is taken once, though what it waited for ends later.
    """
    reactor, steps, never = SelectReactor(), list[str](), Deferred[None]()
    reactor.addSystemEventTrigger("before", "shutdown", lambda: never)
    reactor.addSystemEventTrigger("during", "shutdown", steps.append, "during")
    reactor.addSystemEventTrigger("after", "shutdown", steps.append, "after")
    reactor.fireSystemEvent("shutdown")
    assert steps == []
    endStop(reactor)
    assert steps == ["during", "after"]
    never.callback(None)
    assert steps == ["during", "after"]
