"""
The garbage collector rests, and works again.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from twisted_cluster.core.codecs import JSON, decode
from twisted_cluster.core.resting import MORE, NEVER, REST, Rest

USUAL = (700, 11, 12)
LONG = JSON.encode([[] for _ in range(20_000)])


@pytest.fixture(autouse=True)
def usual() -> Iterator[None]:
    """
    As it is by default, or nearly so.
    """
    before = gc.get_threshold()
    gc.set_threshold(*USUAL)
    yield
    gc.set_threshold(*before)


def test_itRestsWhileTheyAreMadeAndLessWhileInUse() -> None:
    """
    Begun twice, it is ended once.
    """
    rest = Rest()
    rest.begin()
    rest.begin()
    assert (rest.isOn, gc.get_threshold()) == (True, (NEVER, 11, 12))
    rest.ease()
    assert MORE <= gc.get_threshold()[0] < NEVER
    rest.end()
    assert (rest.isOn, gc.get_threshold()) == (False, USUAL)
    rest.ease()
    rest.end()
    assert gc.get_threshold() == USUAL


def test_othersHaveTheLastWord() -> None:
    """
    Who says meanwhile when it is to collect, or that it is not to.
    """
    rest = Rest()
    rest.begin()
    gc.set_threshold(5, 6, 7)
    rest.end()
    assert gc.get_threshold() == (5, 6, 7)
    gc.set_threshold(0)
    rest.begin()
    assert (rest.isOn, gc.get_threshold()[0]) == (False, 0)


def test_aLongMessageIsNotLookedThroughBeforeItIsHeard() -> None:
    """
    A frame's is not while it is in use; what is only decoded leaves all as it was.
    """
    JSON.decode(LONG)
    assert gc.get_threshold() == USUAL
    gc.collect()
    collections = gc.get_stats()[0]["collections"]
    message = decode(0, LONG)
    held = [[] for _ in range(2000)]
    assert gc.get_stats()[0]["collections"] == collections
    assert REST.isOn
    del message, held
    REST.end()
    assert gc.get_threshold() == USUAL


def test_whatIsNoMessageEndsItToo() -> None:
    """
    A long one that breaks off.
    """
    with pytest.raises(Exception, match="not json"):
        JSON.decode(LONG[:-1])
    assert gc.get_threshold() == USUAL
