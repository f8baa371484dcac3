"""
The last that a worker has said.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from twisted.logger import LogEvent

# As many lines as a person reads who wants to know why something does not start.
TAIL = 100
# They may be long; bytes.
LARGEST = 1 << 22


class Tail:
    """
    The last events, no more than L{TAIL}, and the last one at least.
    """

    def __init__(self) -> None:
        self._kept: deque[tuple[LogEvent, int]] = deque()
        self._size = 0

    def __iter__(self) -> Iterator[LogEvent]:
        """
        The oldest first.
        """
        return (event for event, _ in self._kept)

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, event: LogEvent, size: int) -> list[LogEvent]:
        """
        Keep one more, instead of the oldest if there are too many.

        @param size: How many bytes it was.
        @return: Those that are not kept any more, the oldest first.
        """
        self._kept.append((event, size))
        self._size += size
        gone = []
        while len(self._kept) > 1 and (len(self._kept) > TAIL or self._size > LARGEST):
            oldest, less = self._kept.popleft()
            self._size -= less
            gone.append(oldest)
        return gone

    def clear(self) -> None:
        """
        Forget all.
        """
        self._kept.clear()
        self._size = 0
