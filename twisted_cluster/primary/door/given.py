"""
What one worker was handed lately: only that it can send back.
"""

from __future__ import annotations

from collections import deque

from twisted_cluster.wire.handed import (
    LARGEST_NONCE,
    Handed,
    countIn,
    recordIn,
)
from twisted_cluster.wire.handoff import BATCH

# Fewer are ever numbered before what was numbered before them is sent.
MOST_AHEAD = 65536

# Messages. A worker sends back at once what it does not want, and a socket holds a few
# hundred of that: what was handed before that it has kept.
LATELY = 1024


class Given:
    """
    Numbers a worker's connections, and knows the last ones by their numbers.

    @ivar first: The number of the next one.
    """

    def __init__(self) -> None:
        self.first = 0
        self._messages: deque[tuple[int, bytes]] = deque(maxlen=LATELY)
        self._back: set[int] = set()

    def add(self, data: bytes, count: int) -> None:
        """
        A message was sent.

        @param data: Its records, which are numbered from L{first}.
        @param count: How many they are.
        """
        first = self.first
        self._messages.append((first, data))
        first += count
        self.first = first if first <= LARGEST_NONCE - MOST_AHEAD else 0

    def back(self, nonce: int) -> Handed | None:
        """
        A connection comes back.

        @return: It as it was handed, without its descriptor; L{None} if it was not, or
            long ago, or is back already.
        """
        if nonce in self._back:
            return None
        for first, data in reversed(self._messages):
            place = nonce - first
            if 0 <= place < countIn(data):
                self._remember(nonce)
                return recordIn(data, place)
        return None

    def _remember(self, nonce: int) -> None:
        if len(self._back) >= 2 * LATELY * BATCH:
            oldest = self._messages[0][0]
            self._back = {one for one in self._back if one >= oldest}
        self._back.add(nonce)
