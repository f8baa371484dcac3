"""
How a worker ends: every state, and what may happen in it.
"""

from __future__ import annotations

from itertools import product

import pytest

from twisted_cluster.worker.ending import Ending, EndingEffects, newEnding

TIMEOUT = 5.0
SIGTERM = 15
ARGUMENTS = {"told": (TIMEOUT,), "released": (TIMEOUT,), "signalled": (SIGTERM,)}
EVENTS = (
    "told released held unanswered leave kill signalled cutOff idle flushed alone overdue"
).split()
# What brings a worker into each state.
ROADS = {
    "serving": "",
    "asking": "signalled",
    "waiting": "signalled held",
    "draining": "told",
    "flushing": "told idle",
    "disconnected": "told cutOff",
    "stopping": "kill",
}
# What happens upon an event, and the state after it; nothing else happens.
TABLE = {
    ("serving", "told"): (f"plan,drain {TIMEOUT}", "draining"),
    ("serving", "leave"): ("plan,say,drain None", "draining"),
    ("serving", "kill"): ("plan,say,disconnect,stop", "stopping"),
    ("serving", "signalled"): (f"remember {SIGTERM},say,await", "asking"),
    ("serving", "released"): (f"drain {TIMEOUT}", "draining"),
    ("serving", "cutOff"): ("disconnect,drain None", "disconnected"),
    ("asking", "told"): (f"plan,drain {TIMEOUT}", "draining"),
    ("asking", "released"): (f"drain {TIMEOUT}", "draining"),
    ("asking", "held"): ("", "waiting"),
    ("asking", "unanswered"): ("drain None", "draining"),
    ("asking", "leave"): ("plan,say,drain None", "draining"),
    ("asking", "kill"): ("plan,say,disconnect,stop", "stopping"),
    ("asking", "signalled"): ("disconnect,stop", "stopping"),
    ("asking", "cutOff"): ("disconnect,drain None", "disconnected"),
    ("waiting", "told"): (f"plan,drain {TIMEOUT}", "draining"),
    ("waiting", "released"): (f"drain {TIMEOUT}", "draining"),
    ("waiting", "leave"): ("plan,say,drain None", "draining"),
    ("waiting", "kill"): ("plan,say,disconnect,stop", "stopping"),
    ("waiting", "signalled"): ("disconnect,stop", "stopping"),
    ("waiting", "cutOff"): ("disconnect,drain None", "disconnected"),
    ("draining", "told"): ("plan", "draining"),
    ("draining", "leave"): ("plan", "draining"),
    ("draining", "kill"): ("plan,say,disconnect,stop", "stopping"),
    ("draining", "signalled"): ("disconnect,stop", "stopping"),
    ("draining", "cutOff"): ("disconnect,look", "disconnected"),
    ("draining", "idle"): ("flush", "flushing"),
    ("draining", "overdue"): ("disconnect,stop", "stopping"),
    ("flushing", "told"): ("plan", "flushing"),
    ("flushing", "leave"): ("plan", "flushing"),
    ("flushing", "kill"): ("plan,say,disconnect,stop", "stopping"),
    ("flushing", "signalled"): ("disconnect,stop", "stopping"),
    ("flushing", "cutOff"): ("disconnect,look", "disconnected"),
    ("flushing", "flushed"): ("disconnect,look", "disconnected"),
    ("flushing", "overdue"): ("disconnect,stop", "stopping"),
    ("disconnected", "told"): ("plan", "disconnected"),
    ("disconnected", "leave"): ("plan", "disconnected"),
    ("disconnected", "kill"): ("plan,stop", "stopping"),
    ("disconnected", "signalled"): ("stop", "stopping"),
    ("disconnected", "alone"): ("stop", "stopping"),
    ("disconnected", "overdue"): ("stop", "stopping"),
}


def begin(asked: list[str]) -> Ending:
    """
    @param asked: Gets what the machine asks of the world.
    """
    return newEnding(
        EndingEffects(
            lambda: asked.append("plan"),
            lambda number: asked.append(f"remember {number}"),
            lambda: asked.append("say"),
            lambda: asked.append("await"),
            lambda timeout: asked.append(f"drain {timeout}"),
            lambda: asked.append("flush"),
            lambda: asked.append("disconnect"),
            lambda: asked.append("look"),
            lambda: asked.append("stop"),
        )
    )


def happen(worker: Ending, *events: str) -> None:
    """
    Have these things happen, in this order.
    """
    for event in events:
        getattr(worker, event)(*ARGUMENTS.get(event, ()))


def reactions(worker: Ending, asked: list[str]) -> list[str]:
    """
    What tells states apart: what happens upon each event from here on; the worker is of
    no use after it.
    """
    del asked[:]
    happen(worker, "unanswered", "idle", "flushed", "overdue", "leave")
    return list(asked)


@pytest.mark.parametrize(("state", "event"), list(product(ROADS, EVENTS)))
def test_eachEventInEachState(state: str, event: str) -> None:
    """
    It has the effects that the table says, and no others, and so has what follows.
    """
    effects, then = TABLE.get((state, event), ("", state))
    asked: list[str] = []
    worker = begin(asked)
    happen(worker, *ROADS[state].split())
    del asked[:]
    happen(worker, event)
    assert asked == list(filter(None, effects.split(",")))
    other: list[str] = []
    sample = begin(other)
    happen(sample, *ROADS[then].split())
    assert reactions(worker, asked) == reactions(sample, other)


@pytest.mark.parametrize(
    ("events", "effects"),
    [
        ("told idle flushed alone", "plan,drain 5.0,flush,disconnect,look,stop"),
        (
            "signalled told signalled",
            "remember 15,say,await,plan,drain 5.0,disconnect,stop",
        ),
        (
            "signalled held unanswered released idle flushed alone",
            "remember 15,say,await,drain 5.0,flush,disconnect,look,stop",
        ),
        ("signalled unanswered released", "remember 15,say,await,drain None"),
        ("leave leave idle overdue", "plan,say,drain None,plan,flush,disconnect,stop"),
        ("cutOff leave kill kill", "disconnect,drain None,plan,plan,stop"),
    ],
)
def test_endsFromBeginToEnd(events: str, effects: str) -> None:
    """
    Orders of events that are usual, and what they come to.
    """
    asked: list[str] = []
    happen(begin(asked), *events.split())
    assert asked == effects.split(",")
