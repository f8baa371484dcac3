"""
Some workers have a share of the connections, whatever policy chooses.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, cast

import pytest

from tests.core.members import member
from tests.policies.making import SIMPLE, policy
from twisted_cluster.core.member import Member
from twisted_cluster.core.sharing import Sharing
from twisted_cluster.events import ConnectionFacts
from twisted_cluster.primary.door.chooser import sharedChooser
from twisted_cluster.testing import connectionFrom

GENERATION = 2


def workers(old: int = 4, new: int = 1) -> list[Member]:
    """
    So many of before, and as many new ones, in the slots of the first.
    """
    made = [member(id) for id in range(1, old + 1)]
    for number in range(1, new + 1):
        made.append(member(100 + number, number=number))
        made[-1].generation = GENERATION
    return sorted(made, key=lambda one: (one.number, one.id))


def sharing(text: str, part: float) -> Sharing[Any]:
    """
    What chooses by a policy.
    """
    made = sharedChooser(policy(text), policy(text), lambda: 0, GENERATION, part)
    return cast("Sharing[Any]", made)


def client(number: int) -> ConnectionFacts:
    return connectionFrom(f"10.0.{number // 200}.{number % 200 + 1}")


def given(asked: Sharing[Any], ready: list[Member], count: int) -> Counter[int]:
    """
    Who is given connections of as many clients, by id.
    """
    chosen = [asked.choose(client(number), tuple(ready)) for number in range(count)]
    return Counter(one.id for one in chosen if one is not None)


@pytest.mark.parametrize("text", SIMPLE)
@pytest.mark.parametrize("part", [0.1, 0.25, 0.5])
def test_shareIsExact(text: str, part: float) -> None:
    """
    But where clients have a worker each: of these it has about that share.
    """
    counts = given(sharing(text, part), workers(), 1000)
    isLoyal = text.startswith(("sticky", "pinned"))
    assert counts[101] == pytest.approx(1000 * part, abs=60 if isLoyal else 1)


def test_othersHaveTheirTurnsAsEver() -> None:
    """
    The canary's are not counted in.
    """
    counts = given(sharing("round-robin", 0.5), workers(2), 400)
    assert counts == {1: 100, 2: 100, 101: 200}


@pytest.mark.parametrize("text", SIMPLE)
def test_whoHasNoShareIsNotOffered(text: str) -> None:
    """
    As long as there is anybody else.
    """
    asked = sharing(text, 0.0)
    assert 101 not in given(asked, workers(), 100)
    alone = [one for one in workers() if one.id == 101]
    assert given(asked, alone, 10) == {101: 10}


def test_clientsStayWhereTheyAre() -> None:
    """
    A loyal policy's, on either side.
    """
    asked, ready = sharing("sticky:by=address", 0.25), tuple(workers(4, 2))
    before = [asked.choose(client(number), ready) for number in range(200)]
    assert [asked.choose(client(number), ready) for number in range(200)] == before
    assert {one.generation for one in before if one} == {1, GENERATION}


def test_othersStandIn() -> None:
    """
    While nobody of the generation can take any; what it is owed then has a limit.
    """
    asked, ready = sharing("round-robin", 0.5), workers(2)
    old = [one for one in ready if one.generation == 1]
    assert sum(given(asked, old, 1000).values()) == 1000
    assert given(asked, ready, 1000)[101] == pytest.approx(532, abs=2)


def test_nobodyOfTheGroupIsNoReasonToWait() -> None:
    """
    A policy may have no use for the new ones: others are asked then.
    """
    ready = workers(2)
    for one in ready:
        one.group = "web" if one.number == 2 else "api"
    asked = sharing("route:by=path,/=web,default=web", 0.5)
    assert given(asked, ready, 100) == {2: 100}
