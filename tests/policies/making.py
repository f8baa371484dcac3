"""
Policies and workers, made briefly.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from attrs import evolve

from twisted_cluster.events import ConnectionFacts
from twisted_cluster.plugins import parsePolicy
from twisted_cluster.testing import WorkerLoad, connectionFrom

FACTS = connectionFrom()
SIMPLE = (
    "least-connections",
    "least-lag",
    "pinned",
    "power-of-two:seed=1",
    "random:seed=1",
    "round-robin",
    "sticky:by=address",
    "weighted",
)


_makerOf = cache(parsePolicy)


def policy(text: str) -> Any:
    """
    What C{--policy} makes of a text.
    """
    return _makerOf(text)()


def workersWith(**values: Sequence[Any]) -> list[WorkerLoad]:
    """
    Workers from 1 on, by what they have, each value a column: C{active=[0, 2]}.
    """
    rows = zip(*values.values(), strict=True)
    return [
        WorkerLoad(number, **dict(zip(values, row)))
        for number, row in enumerate(rows, start=1)
    ]


def numbered(numbers: Iterable[int]) -> list[WorkerLoad]:
    """
    Idle workers of these numbers, which are their ids.
    """
    return [WorkerLoad(number) for number in sorted(numbers)]


def replaced(ready: Sequence[WorkerLoad], number: int) -> list[WorkerLoad]:
    """
    The same, but for one that has died: another process has its number.
    """
    return [
        evolve(each, id=each.id + 1000) if each.number == number else each
        for each in ready
    ]


def without(ready: Sequence[WorkerLoad], number: int) -> list[WorkerLoad]:
    """
    The same, but for one.
    """
    return [each for each in ready if each.number != number]


def choices(chooser: Any, ready: Sequence[WorkerLoad], count: int) -> list[int]:
    """
    The numbers that are chosen for as many connections of one client.
    """
    return [chooser.choose(FACTS, ready).number for _ in range(count)]


def chosen(chooser: Any, connection: ConnectionFacts, ready: Sequence[WorkerLoad]) -> int:
    """
    The number that is chosen for a connection.
    """
    return int(chooser.choose(connection, ready).number)
