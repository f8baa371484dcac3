"""
What a worker may send back.
"""

from __future__ import annotations

import pytest

from twisted_cluster.primary.door import given as module
from twisted_cluster.primary.door.given import LATELY, Given
from twisted_cluster.wire.handed import LARGEST_NONCE, packRecord


def give(given: Given, count: int) -> int:
    """
    @return: The number of the first of so many connections, whose ports are 0, 1, 2...
    """
    first = given.first
    records = [packRecord(1, ("192.0.2.1", n), nonce=first + n) for n in range(count)]
    given.add(b"".join(records), count)
    return first


def test_eachComesBackOnce() -> None:
    """
    As it was.
    """
    given = Given()
    give(given, 3)
    first = give(given, 3)
    back = given.back(first + 1)
    assert back is not None
    assert (back.fd, back.name, back.nonce) == (-1, ("192.0.2.1", 1), 4)
    assert given.back(first + 1) is None


def test_whatWasNeverHandedDoesNotComeBack() -> None:
    given = Given()
    give(given, 3)
    assert [given.back(n) for n in (3, 4, LARGEST_NONCE)] == [None] * 3


def test_whatWasHandedLongAgoDoesNotComeBack() -> None:
    """
    So much is kept, and no more.
    """
    given = Given()
    for _ in range(LATELY + 1):
        give(given, 2)
    assert [given.back(n) is None for n in (0, 1, 2)] == [True, True, False]


def test_numbersBeginAnew() -> None:
    """
    Before they are too large for a record; those before that are still known.
    """
    given = Given()
    given.first = LARGEST_NONCE - module.MOST_AHEAD
    assert give(given, 2) == LARGEST_NONCE - module.MOST_AHEAD
    assert give(given, 2) == 0
    assert given.back(1) is not None
    assert given.back(LARGEST_NONCE - module.MOST_AHEAD) is not None


def test_whatHasComeBackIsForgottenWithTheRest(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    It takes no more memory however much comes back.
    """
    monkeypatch.setattr(module, "LATELY", 2)
    given = Given()
    for _ in range(20):
        first = give(given, module.BATCH)
        for n in range(module.BATCH):
            assert given.back(first + n) is not None
    assert len(given._back) <= 4 * module.BATCH
