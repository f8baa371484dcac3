"""
Who has not taken what they were handed.
"""

from __future__ import annotations

from collections.abc import Collection, Set
from contextlib import suppress

from twisted_cluster.primary.door.hands import Hand
from twisted_cluster.wire.emptied import Emptied


class Untaken:
    """
    Those who have not taken what they were handed last, as the kernel tells: while
    nobody else is there, nobody is served sooner for being accepted now.

    @ivar fileno: Gives a descriptor that can be read when somebody has taken something.
    """

    def __init__(self) -> None:
        self._emptied = Emptied()
        self.fileno = self._emptied.fileno
        # Who is watched, by descriptor, and who of them has not taken all.
        self._known: dict[int, Hand] = {}
        self._watched: set[Hand] = set()
        self._hands: set[Hand] = set()

    def enter(self, hand: Hand) -> None:
        """
        Watch one, if that can be.
        """
        fd = hand.queue.end.fileno()
        if not self._emptied.isPossible or hand in self._watched:
            return
        with suppress(OSError):
            self._emptied.add(fd)
            self._known[fd] = hand
            self._watched.add(hand)

    def forget(self, hand: Hand) -> None:
        """
        It is gone.
        """
        self._hands.discard(hand)
        if hand not in self._watched:
            return
        self._watched.discard(hand)
        for fd in [fd for fd, known in self._known.items() if known is hand]:
            del self._known[fd]
            with suppress(OSError):
                self._emptied.remove(fd)

    def handed(self, hands: Set[Hand]) -> None:
        """
        They were handed something.
        """
        self._hands |= hands & self._watched

    def look(self) -> bool:
        """
        See who has taken something.

        @return: Whether anybody has.
        """
        fds = self._emptied.since()
        for fd in fds:
            hand = self._known.get(fd)
            if hand is not None:
                self._hands.discard(hand)
        return bool(fds)

    def areAll(self, hands: Collection[Hand]) -> bool:
        """
        Whether none of these has taken it.
        """
        return self._hands.issuperset(hands)
