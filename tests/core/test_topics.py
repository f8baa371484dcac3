"""
Who has subscribed to what.
"""

from __future__ import annotations

import pytest

from twisted_cluster.core.codecs import Payload
from twisted_cluster.core.topics import (
    A_TOPIC,
    LONGEST_TOPIC,
    MOST_HELD,
    Subscriptions,
    Topics,
    topicName,
)
from twisted_cluster.errors import TooManyTopicsError


def one(message: Payload, number: int) -> None:
    """
    A subscriber.
    """


def two(message: Payload, number: int) -> None:
    """
    Another one.
    """


def test_theFirstAndTheLastAreKnown() -> None:
    """
    For these the primary has to be told.
    """
    subscriptions = Subscriptions()
    assert subscriptions.add(b"news", one)
    assert not subscriptions.add(b"news", two)
    assert subscriptions.add(b"weather", one)
    assert not subscriptions.remove(b"news", one)
    assert subscriptions.remove(b"news", two)
    assert list(subscriptions.of(b"news")) == []
    assert list(subscriptions.of(b"weather")) == [one]


def test_inTheOrderInWhichTheyCame() -> None:
    """
    Whoever subscribes twice hears twice, until it has gone as often.
    """
    subscriptions = Subscriptions()
    for subscriber in (one, two, one):
        subscriptions.add(b"news", subscriber)
    assert list(subscriptions.of(b"news")) == [one, two, one]
    subscriptions.remove(b"news", one)
    assert list(subscriptions.of(b"news")) == [two, one]


def test_whoHearsMayGo() -> None:
    """
    What was asked for is not changed by it.
    """
    subscriptions = Subscriptions()
    subscriptions.add(b"news", one)
    found = list(subscriptions.of(b"news"))
    subscriptions.remove(b"news", one)
    assert found == [one]


def test_whoIsNoSubscriberCannotGo() -> None:
    """
    Nor is it the last.
    """
    subscriptions = Subscriptions()
    assert not subscriptions.remove(b"news", one)
    subscriptions.add(b"news", one)
    assert not subscriptions.remove(b"news", two)
    assert list(subscriptions.of(b"news")) == [one]


def test_whatCannotBeCalledCannotHear() -> None:
    """
    Nothing is left of it.
    """
    subscriptions = Subscriptions()
    with pytest.raises(TypeError, match="cannot be called"):
        subscriptions.add(b"news", "print")  # type: ignore[arg-type]
    assert list(subscriptions.of(b"news")) == []
    assert subscriptions.add(b"news", one)


def test_topicsAreShortTexts() -> None:
    """
    The limit is in bytes.
    """
    assert topicName("\xe4") == b"\xc3\xa4"
    assert topicName("x" * LONGEST_TOPIC) == b"x" * LONGEST_TOPIC
    with pytest.raises(ValueError, match=f"the limit is {LONGEST_TOPIC}"):
        topicName("\xe4" * LONGEST_TOPIC)
    with pytest.raises(ValueError, match="give a text"):
        topicName(b"news")  # type: ignore[arg-type]


def test_topicsHaveALimit() -> None:
    """
    Of an application that works some ten thousand are no more than may be; what is too
    much for a worker it is told itself.
    """
    topics, name = Topics(), b"user-12345"
    most = MOST_HELD // (A_TOPIC + len(name))
    assert most > 40_000
    for _ in range(most):
        topics.add(name)
    with pytest.raises(TooManyTopicsError, match="more than 16777216 bytes"):
        topics.add(name)
    topics.remove(name)
    topics.add(name)
