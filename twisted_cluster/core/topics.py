"""
Who in this process has subscribed to which topic.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from attrs import Factory, define

from twisted_cluster.core.codecs import Payload
from twisted_cluster.core.frames import LONGEST_TOPIC
from twisted_cluster.errors import TooManyTopicsError

# Of one worker's topics, in bytes: the primary has to remember them.
MOST_HELD = 1 << 24
# What one takes besides its name: some 40,000 there may be.
A_TOPIC = 384

Subscriber = Callable[[Payload, int], object]


def topicName(topic: str) -> bytes:
    """
    @raise ValueError: If the name is longer than L{LONGEST_TOPIC} bytes.
    """
    if not isinstance(topic, str):
        raise ValueError(f"topic {topic!r}: give a text")
    name = topic.encode("utf-8")
    if len(name) > LONGEST_TOPIC:
        raise ValueError(f"a topic of {len(name)} bytes: the limit is {LONGEST_TOPIC}")
    return name


class Topics:
    """
    The topics that one worker has subscribed to, as far as they take memory.
    """

    def __init__(self) -> None:
        self._held = 0

    def add(self, topic: bytes) -> None:
        """
        @param topic: One more.
        @raise TooManyTopicsError: If they would take too much; then it is not added.
        """
        held = self._held + len(topic) + A_TOPIC
        if held > MOST_HELD:
            raise TooManyTopicsError(
                f"it subscribes to topics that take more than {MOST_HELD} bytes: each "
                f"takes {A_TOPIC} and its name"
            )
        self._held = held

    def remove(self, topic: bytes) -> None:
        """
        It is one that was added.
        """
        self._held -= len(topic) + A_TOPIC


def once(end: Callable[[], object]) -> Callable[[], None]:
    """
    @return: What calls C{end} when it is called first, and then no more: who has
        subscribed twice ends one by it, and not the other.
    """
    ends = [end]

    def endOnce() -> None:
        if ends:
            ends.pop()()

    return endOnce


@define
class Subscriptions:
    """
    Subscribers by topic, in the order in which they came.
    """

    # Tuples, so that each can be told of while it changes.
    _byTopic: dict[bytes, tuple[Subscriber, ...]] = Factory(dict)

    def add(self, topic: bytes, subscriber: Subscriber) -> bool:
        """
        @return: Whether this is the topic's first.
        @raise TypeError: If the subscriber cannot be called.
        """
        if not callable(subscriber):
            raise TypeError(f"{subscriber!r:.80} cannot be called: it cannot subscribe")
        subscribers = self._byTopic.get(topic, ())
        self._byTopic[topic] = (*subscribers, subscriber)
        return not subscribers

    def remove(self, topic: bytes, subscriber: Subscriber) -> bool:
        """
        @return: Whether this was the topic's last; L{False} if it was none.
        """
        subscribers = list(self._byTopic.get(topic, ()))
        if subscriber not in subscribers:
            return False
        subscribers.remove(subscriber)
        if subscribers:
            self._byTopic[topic] = tuple(subscribers)
        else:
            del self._byTopic[topic]
        return not subscribers

    def of(self, topic: bytes) -> Sequence[Subscriber]:
        """
        @return: The topic's subscribers, as they are now.
        """
        return self._byTopic.get(topic, ())
