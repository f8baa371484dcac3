"""
What a program chooses from.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from math import gcd

from attrs import frozen

# A group's sockets: what 8 bits can name.
MOST = 256


@frozen
class Place:
    """
    A socket that may be chosen.

    @ivar index: Its number in the group, from 0, below L{MOST}.
    @ivar weight: What share it is to have, against others'; 0 is none.
    """

    index: int
    weight: int = 1


def indices(places: Sequence[Place]) -> list[int]:
    """
    The numbers, ascending.
    """
    return sorted(place.index for place in places)


def weighty(places: Sequence[Place]) -> list[Place]:
    """
    Those who have a share at all.
    """
    return [place for place in places if place.weight > 0]


def weighed(places: Sequence[Place]) -> list[tuple[int, int]]:
    """
    Who has a share, with the sum of the shares up to and with its own.

    @return: Pairs of (index, sum).
    """
    some = weighty(places)
    sums = accumulate(place.weight for place in some)
    return [(place.index, total) for place, total in zip(some, sums, strict=True)]


def spread(places: Sequence[Place], most: int) -> list[int]:
    """
    Turns, of which each has as many as its weight, spread evenly.

    @param most: As many turns as there may be; if the weights sum up to more, they are
        kept as well as that goes, and each has one at least.
    @return: Indices.
    @see: L{twisted_cluster.policies.weighted}.
    """
    some = weighty(places)
    if not some:
        return []
    shares = _within({place.index: place.weight for place in some}, most)
    total = sum(shares.values())
    due = dict.fromkeys(shares, 0)
    turns = []
    for _ in range(total):
        for index, share in shares.items():
            due[index] += share
        chosen = max(due, key=due.__getitem__)
        due[chosen] -= total
        turns.append(chosen)
    return turns


def _within(weights: dict[int, int], most: int) -> dict[int, int]:
    """
    Make weights small enough.
    """
    divisor = gcd(*weights.values())
    total = sum(weights.values())
    if total // divisor > most:
        # Each has one; of the rest what it has beyond that.
        rest = most - len(weights)
        return {index: 1 + (weight * rest) // total for index, weight in weights.items()}
    return {index: weight // divisor for index, weight in weights.items()}
