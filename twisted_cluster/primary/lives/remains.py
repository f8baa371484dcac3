"""
What workers that are gone have left behind.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import Factory, define, evolve

from twisted_cluster.core.counting import plausible
from twisted_cluster.core.snapshot import Counted
from twisted_cluster.primary.lives.process import WorkerProcess

FAILED = 1
# Shells have those above for themselves.
MOST_CODE = 125


@define(eq=False)
class Remains:
    """
    @ivar counted: What they have counted, and how many were started.
    @ivar code: What the last one that could not start has exited with, 1 to 125.
    @ivar lastWords: What the last one had to say.
    """

    counted: Counted = Factory(Counted)
    code: int = FAILED
    lastWords: Sequence[str] = ()

    def started(self) -> None:
        """
        One has been started.
        """
        self.counted = evolve(self.counted, started=self.counted.started + 1)

    def refused(self, said: str) -> None:
        """
        One could not be.

        @param said: Why.
        """
        self.code, self.lastWords = FAILED, [f"twistd cluster: {said}"]
        self.counted = evolve(self.counted, refused=self.counted.refused + 1)

    def gone(self, worker: WorkerProcess, asked: bool) -> None:
        """
        One is gone.

        @param asked: Whether it was to end.
        """
        code = worker.ending.code or FAILED
        self.code = code if code <= MOST_CODE else FAILED
        self.lastWords = _lastWords(worker)
        page, age, counted = worker.hand.page, worker.age, self.counted
        self.counted = evolve(
            counted,
            crashed=counted.crashed + (not asked),
            handed=counted.handed + plausible(worker.hand.taken, age),
            opened=counted.opened + plausible(page.opened, age),
            closed=counted.closed + plausible(page.closed, age),
        )


def _lastWords(worker: WorkerProcess) -> list[str]:
    """
    What one has said before its end, and why it was ended, which it cannot know.
    """
    said, how = list(worker.said.tail), f"twistd cluster: {worker.name} "
    if worker.ending.why:
        return [*said, f"{how}{worker.ending.verb}: {worker.ending.why}"]
    return said or [f"{how}{worker.ending.verb}, and has said nothing"]
