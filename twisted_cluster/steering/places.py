"""
What a program chooses from.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

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


def weighed(places: Sequence[Place]) -> list[tuple[int, int]]:
    """
    Who has a share at all, with the sum of the shares up to and with its own; if nobody
    has one, all have the same.

    @return: Pairs of (index, sum).
    """
    some = [place for place in places if place.weight > 0]
    shares = some or [Place(place.index) for place in places]
    sums = accumulate(place.weight for place in shares)
    return [(place.index, total) for place, total in zip(shares, sums, strict=True)]
