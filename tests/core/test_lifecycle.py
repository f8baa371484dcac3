"""
One worker's life.
"""

from __future__ import annotations

import pytest

from twisted_cluster.core.lifecycle import LifeEffects, newLifecycle


def effectsOf(*events: str) -> list[str]:
    """
    What a life asks of the world when things happen in this order.
    """
    asked: list[str] = []
    life = newLifecycle(
        LifeEffects(
            lambda: asked.append("enter"),
            lambda: asked.append("withdraw"),
            lambda: asked.append("leave"),
            lambda: asked.append("drain"),
            lambda: asked.append("ask"),
            lambda: asked.append("release"),
            lambda: asked.append("give up"),
            lambda: asked.append("kill"),
            lambda wanted: asked.append(f"bury {wanted}"),
        )
    )
    for event in events:
        getattr(life, event)()
    return asked


@pytest.mark.parametrize(
    ("events", "effects"),
    [
        ("online retire exited", "enter,leave,drain,bury True"),
        ("online retire retire overdue exited", "enter,leave,drain,kill,bury True"),
        ("online leaving exited", "enter,leave,bury True"),
        ("online exited exited", "enter,leave,bury False"),
        ("exited online retire leaving overdue", "bury False"),
        ("unready ready retire exited", "enter,leave,drain,bury True"),
        ("unready retire exited", "leave,drain,bury True"),
        ("unready leaving ready exited", "leave,bury True"),
        ("unready exited", "leave,bury False"),
        ("online unready unready ready ready", "enter,withdraw,enter"),
        ("online unready online exited", "enter,withdraw,leave,bury False"),
        ("ready online", "enter"),
        ("retire exited", "give up,bury True"),
        ("leaving online exited", "leave,bury True"),
        ("online online overdue exited", "enter,leave,bury False"),
        ("online lost exited", "enter,leave,bury False"),
        ("online lost retire leaving lost overdue exited", "enter,leave,kill,bury False"),
        ("lost exited", "leave,bury False"),
        ("online leaving lost overdue exited", "enter,leave,kill,bury True"),
        ("online retire lost exited", "enter,leave,drain,bury True"),
        ("online dismissed lost exited", "enter,leave,bury True"),
        ("dismissed online exited", "leave,bury True"),
        ("online leaving dismissed dismissed overdue", "enter,leave,kill"),
        ("online told told retire told exited", "enter,ask,ask,leave,drain,bury True"),
        ("online told released released exited", "enter,ask,leave,release,bury True"),
        ("online told exited", "enter,ask,leave,bury False"),
        # Who cannot be killed is as good as gone; later it may be gone indeed.
        ("online retire overdue exited exited", "enter,leave,drain,kill,bury True"),
        ("online exited lost told unready exited", "enter,leave,bury False"),
        ("released told released overdue", "leave,release,kill"),
    ],
)
def test_eventsHaveTheseEffects(events: str, effects: str) -> None:
    """
    Each order of events has these effects, in this order.
    """
    assert effectsOf(*events.split()) == effects.split(",")
