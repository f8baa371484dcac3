"""
Workers that are there and do not work.
"""

from __future__ import annotations

from attrs import define

from twisted_cluster.primary.lives.said import Speaker
from twisted_cluster.primary.lives.vigil import DEAF_AFTER, SECOND, SILENT_AFTER, Vigil

SPEAKER = Speaker(1, 1, 1, 100)


@define(eq=False)
class Someone:
    """
    A worker, as far as it is watched.
    """

    id: int = 1
    name: str = "worker 1 (100)"
    speaker: Speaker = SPEAKER
    heartbeat: int = 0
    takesNothing: int | None = None
    isHeld: bool = False

    @property
    def hand(self) -> Someone:
        """
        What is seen of it.
        """
        return self


class Watch:
    """
    A vigil over one worker, and the time.
    """

    def __init__(self) -> None:
        self.now = 1000 * SECOND
        self.worker = Someone(heartbeat=self.now)
        self.workers = [self.worker]
        self.told: list[tuple[str, int]] = []
        self.vigil: Vigil[Someone] = Vigil(
            lambda: self.now,
            lambda: self.workers,
            lambda worker, seconds: self.told.append(("deaf", round(seconds))),
            lambda worker, seconds: self.told.append(("silent", round(seconds))),
        )

    def after(self, seconds: float, beating: bool = True) -> list[tuple[str, int]]:
        """
        What is told at a look some time later.
        """
        self.now += int(seconds * SECOND)
        if beating:
            self.worker.heartbeat = self.now
        self.told.clear()
        self.vigil.look()
        return list(self.told)


def test_whoTakesNothingThoughItsHeartBeatsIsTold() -> None:
    """
    After L{DEAF_AFTER} seconds, and not before.
    """
    watch = Watch()
    watch.worker.takesNothing = watch.now
    assert watch.after(DEAF_AFTER - 0.1) == []
    assert watch.after(0.2) == [("deaf", 5)]


def test_deafnessIsToldOnce() -> None:
    """
    And again only after it has taken something.
    """
    watch = Watch()
    watch.worker.takesNothing = watch.now
    assert watch.after(DEAF_AFTER) == [("deaf", 5)]
    assert watch.after(1.0) == []
    watch.worker.takesNothing = None
    assert watch.after(1.0) == []
    watch.worker.takesNothing = watch.now
    assert watch.after(DEAF_AFTER) == [("deaf", 5)]


def test_whoTakesIsNotDeaf() -> None:
    """
    However long it has been there.
    """
    watch = Watch()
    assert watch.after(3600.0) == []


def test_whoseHeartDoesNotBeatIsNotDeaf() -> None:
    """
    It may be at work.
    """
    watch = Watch()
    watch.worker.takesNothing = watch.now
    assert watch.after(DEAF_AFTER + 1.0, beating=False) == []


def test_silenceIsToldOnce() -> None:
    """
    And again only after it has shown life.
    """
    watch = Watch()
    assert watch.after(SILENT_AFTER - 0.1, beating=False) == []
    assert watch.after(0.2, beating=False) == [("silent", 10)]
    assert watch.after(10.0, beating=False) == []
    assert watch.after(0.1) == []
    assert watch.after(SILENT_AFTER + 0.1, beating=False) == [("silent", 10)]


def test_whoHasNotBeatenYetIsNotSilent() -> None:
    """
    There is nothing to count from.
    """
    watch = Watch()
    watch.worker.heartbeat = 0
    assert watch.after(60.0, beating=False) == []


def test_whoIsGoneIsForgotten() -> None:
    """
    An id is never used again.
    """
    watch = Watch()
    watch.after(SILENT_AFTER + 0.1, beating=False)
    watch.workers = []
    watch.after(1.0)
    watch.workers = [watch.worker]
    watch.worker.heartbeat = 1
    assert watch.after(1.0, beating=False) != []


def test_aBeatOfTheFutureIsNone() -> None:
    """
    Else it would beat for ever.
    """
    watch = Watch()
    watch.worker.heartbeat = 1 << 62
    assert watch.after(0.1, beating=False) == [("silent", SILENT_AFTER)]
    assert watch.after(0.1, beating=False) == []
    watch.after(0.1)
    watch.worker.heartbeat = watch.now + SECOND // 2
    assert watch.after(0.1, beating=False) == []


def test_whoIsHeldIsNeitherSilentNorDeaf() -> None:
    """
    As long as somebody looks at it with a debugger.
    """
    watch = Watch()
    watch.worker.isHeld = True
    watch.worker.takesNothing = watch.now
    assert watch.after(2 * SILENT_AFTER, beating=False) == []
    assert watch.after(2 * DEAF_AFTER) == []
    watch.worker.isHeld = False
    assert watch.after(1) != []
