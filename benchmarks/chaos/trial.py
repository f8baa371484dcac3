"""
One trouble that one server has under load.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Set

from attrs import define

from chaos.contender import Contender
from tests.process.loading.excuses import Excuses
from tests.process.loading.load import Load

# How long a server may take to be whole again.
PATIENCE = 90.0


@define
class Trial:
    """
    @ivar note: What there is to say of it, besides what came of the load.
    """

    contender: Contender
    load: Load
    random: random.Random
    excuses: Excuses
    note: str = ""

    def anyone(self) -> int:
        """
        @return: Any of its workers.
        """
        return self.random.choice(sorted(self.contender.workers()))

    def until(self, isTrue: Callable[[], object], what: str) -> bool:
        """
        Wait, for L{PATIENCE} at most; what does not come is noted.
        """
        if self.load.until(lambda _: self._isOver() or isTrue(), PATIENCE):
            return not self._isOver()
        self.note = self.note or f"{what}: not within {PATIENCE:g} s"
        return False

    def _isOver(self) -> bool:
        if self.contender.isAlive():
            return False
        self.note = self.note or "the server has ended"
        return True

    def untilWhole(self, count: int, without: Set[int] = frozenset()) -> bool:
        """
        Wait until so many workers have served, and there are no others.

        @param without: Who is not to be among them.
        """
        begun = time.monotonic()

        def isWhole() -> bool:
            workers = set(self.contender.workers())
            if len(workers) != count or workers & without:
                return False
            last = self.load.progress.last
            return all(last.get(pid, 0.0) > begun for pid in workers)

        return self.until(isWhole, f"{count} workers that serve")

    def untilThere(self, count: int) -> bool:
        """
        Wait until there are so many workers, ready or not.
        """
        return self.until(
            lambda: len(self.contender.workers()) == count, f"{count} workers"
        )

    def serve(self, least: int = 20, most: int = 200) -> bool:
        """
        Wait until some more have been served, at random.
        """
        more = self.load.progress.served + self.random.randint(least, most)
        return self.until(
            lambda: self.load.progress.served >= more, f"{most} more answers"
        )
