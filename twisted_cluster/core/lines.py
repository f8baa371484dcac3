"""
Who waits, and who is next.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Iterator
from typing import Generic, Protocol, TypeVar

# So many are chosen for in vain before the others have to wait for the next time: a
# policy may take a while for each.
TRIES = 16


class Waiter(Protocol):
    """
    Something that waits.
    """

    @property
    def until(self) -> int:
        """
        When it has waited long enough, in monotonic nanoseconds.
        """


W = TypeVar("W", bound=Waiter)


class Lines(Generic[W]):
    """
    Those who wait for the same stand in one line, and leave it in the order in which
    they came; lines pass each other. Of those in the line L{None} it is not known what
    they wait for: they pass each other as well.

    @ivar most: How many may wait.
    @ivar count: How many do.
    @ivar passed: Whether others were served while these waited.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.count = 0
        self.passed = False
        self._lines: OrderedDict[Hashable, deque[W]] = OrderedDict()

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[W]:
        return (one for line in self._lines.values() for one in line)

    def has(self, line: Hashable) -> bool:
        """
        Whether somebody stands in a line.
        """
        return line in self._lines

    @property
    def isFull(self) -> bool:
        return self.count >= self.most

    def add(self, line: Hashable, waiter: W, first: bool = False) -> None:
        """
        One more.

        @param first: Whether it had been at the front before.
        """
        there = self._lines.setdefault(line, deque())
        (there.appendleft if first else there.append)(waiter)
        self.count += 1

    def serve(self, attempt: Callable[[W], bool]) -> None:
        """
        Try those who are next, line after line.

        @param attempt: Called with one who is next; returns whether it need not wait any
            longer. It may add others.
        """
        failures = 0
        for line in list(self._lines):
            if failures >= TRIES:
                break
            if line is None:
                failures += self._serveStrangers(attempt, TRIES - failures)
            else:
                failures += self._serveLine(line, attempt)

    def _serveLine(self, line: Hashable, attempt: Callable[[W], bool]) -> int:
        """
        @return: 1 if somebody still stands there.
        """
        while waiters := self._lines.get(line):
            if not attempt(waiters[0]):
                # Other lines are to be tried first the next time.
                self._lines.move_to_end(line)
                return 1
            self._take(line, waiters)
        return 0

    def _serveStrangers(self, attempt: Callable[[W], bool], tries: int) -> int:
        failures = 0
        waiters = self._lines.get(None, deque())
        for _ in range(len(waiters)):
            if failures == tries:
                break
            if attempt(waiters[0]):
                self._take(None, waiters)
            else:
                waiters.rotate(-1)
                failures += 1
        return failures

    def _take(self, line: Hashable, waiters: deque[W]) -> None:
        waiters.popleft()
        self.count -= 1
        self._tidy(line, waiters)

    def _tidy(self, line: Hashable, waiters: deque[W]) -> None:
        if not waiters:
            del self._lines[line]
        self.passed = self.passed and bool(self._lines)

    def overdue(self, now: int) -> list[W]:
        """
        Give up those who have waited long enough.

        @param now: Monotonic nanoseconds.
        """
        late = [one for one in self if one.until <= now]
        if late:
            for line, waiters in list(self._lines.items()):
                left = deque(one for one in waiters if one.until > now)
                self._lines[line] = left
                self._tidy(line, left)
            self.count -= len(late)
        return late

    def clear(self) -> list[W]:
        """
        Give up all.
        """
        waiters = list(self)
        self._lines.clear()
        self.count = 0
        self.passed = False
        return waiters
