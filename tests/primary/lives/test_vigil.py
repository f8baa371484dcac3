"""
Workers that are there and do not work.
"""

from __future__ import annotations

from attrs import define

from twisted_cluster.primary.lives.vigil import (
    DEAF_AFTER,
    LONGEST_TRACED,
    SECOND,
    Limits,
    Vigil,
)

LOOK = 0.05


@define(eq=False)
class Someone:
    """
    A worker, as far as it is watched.
    """

    id: int = 1
    heartbeat: int = 0
    takesNothing: int | None = None
    isHeld: bool = False
    isTraced: bool = False
    told: int = 0

    @property
    def hand(self) -> Someone:
        """
        What is seen of it.
        """
        return self


class Watch:
    """
    A vigil over one worker, and the time.

    @ivar heard: What was told since somebody asked last.
    """

    def __init__(self, warning: float = 1.0, timeout: float = 30.0) -> None:
        self.now = 1000 * SECOND
        self.worker = Someone(heartbeat=self.now)
        self.workers = [self.worker]
        self.heard: list[tuple[str, float]] = []
        limits = Limits(warning, timeout)
        self.vigil: Vigil[Someone] = Vigil(
            lambda: self.now, lambda: self.workers, self, limits
        )
        self.vigil.look()

    def deaf(self, worker: Someone, seconds: float) -> None:
        self.heard.append(("deaf", round(seconds)))

    def silent(self, worker: Someone, seconds: float) -> None:
        self.heard.append(("silent", round(seconds)))

    def hung(self, worker: Someone, seconds: float) -> None:
        self.heard.append(("hung", round(seconds)))

    def awake(self, worker: Someone, seconds: float) -> None:
        self.heard.append(("awake", round(seconds)))

    def unheard(self, worker: Someone) -> None:
        self.heard.append(("unheard", 0))

    def after(
        self, seconds: float, beating: bool = True, look: float = LOOK
    ) -> list[tuple[str, float]]:
        """
        What is told meanwhile.

        @param beating: Whether its heart beats.
        """
        self.heard.clear()
        for _ in range(round(seconds / look)):
            self.now += int(look * SECOND)
            if beating:
                self.worker.heartbeat = self.now
            self.vigil.look()
        return list(self.heard)


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
    assert Watch().after(600.0) == []


def test_whoseHeartDoesNotBeatIsNotDeaf() -> None:
    """
    It may be at work.
    """
    watch = Watch(0, 0)
    watch.after(1.0, beating=False)
    watch.worker.takesNothing = watch.now
    assert watch.after(DEAF_AFTER + 1.0, beating=False) == []


def test_silenceIsToldOnceAndThenItsEnd() -> None:
    """
    And again only after it has shown life.
    """
    watch = Watch()
    assert watch.after(0.9, beating=False) == []
    assert watch.after(0.2, beating=False) == [("silent", 1)]
    assert watch.after(10.0, beating=False) == []
    assert watch.after(0.1) == [("awake", 11)]
    assert watch.after(60.0) == []
    assert watch.after(1.2, beating=False) == [("silent", 1)]


def test_whoIsSilentForTooLongHangs() -> None:
    """
    That is told once.
    """
    watch = Watch()
    assert watch.after(29.9, beating=False) == [("silent", 1)]
    assert watch.after(0.2, beating=False) == [("hung", 30)]
    assert watch.after(60.0, beating=False) == []


def test_neitherIsToldWhereThatIsNotWanted() -> None:
    """
    A limit of 0 is none.
    """
    assert Watch(0, 5.0).after(6.0, beating=False) == [("hung", 5)]
    assert Watch(2.0, 0).after(3600.0, beating=False) == [("silent", 2)]
    assert Watch(0, 0).after(3600.0, beating=False) == []


def test_whoIsBusyIsNotSilent() -> None:
    """
    Its turns are long, but it turns.
    """
    watch = Watch()
    for _ in range(100):
        assert watch.after(0.9, beating=False) == []
        assert watch.after(LOOK) == []


def test_timeInWhichNobodyListensIsNone() -> None:
    """
    The machine was suspended, or all of its processes were stopped: all hearts stop at
    once, and that of who listens too.
    """
    watch = Watch()
    assert watch.after(3600.0, beating=False, look=3600.0) == []
    assert watch.after(0.5, beating=False) == []
    assert watch.after(10.0) == []
    assert watch.after(0.5, beating=False) == []


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
    assert watch.after(1.1, beating=False) == [("silent", 1)]
    watch.workers = []
    watch.after(1.0)
    watch.workers = [watch.worker]
    assert watch.after(1.1, beating=False) == [("silent", 1)]


def test_aBeatOfTheFutureIsNone() -> None:
    """
    Else it would beat for ever.
    """
    watch = Watch()
    watch.worker.heartbeat = 1 << 62
    assert watch.after(1.2, beating=False) == [("silent", 1)]


def test_whoIsHeldIsNeitherSilentNorDeaf() -> None:
    """
    As long as somebody looks at it with a debugger, in it or beside it.
    """
    watch = Watch()
    watch.worker.isHeld = True
    watch.worker.takesNothing = watch.now
    assert watch.after(60.0, beating=False) == []
    assert watch.after(60.0) == []
    watch.worker.isHeld = False
    watch.worker.takesNothing = None
    watch.worker.isTraced = True
    assert watch.after(60.0, beating=False) == []
    watch.worker.isTraced = False
    assert watch.after(1.2, beating=False) == [("silent", 1)]


def test_nobodyIsLookedAtForEver() -> None:
    """
    The worker itself says that a debugger is in it; an hour is enough for that.
    """
    watch = Watch()
    watch.worker.isTraced = True
    assert watch.after(LONGEST_TRACED - 10.0, beating=False) == []
    assert watch.after(20.0, beating=False) == [("silent", 1)]


def test_whoCannotSayThatItWasToldToEndIsHeard() -> None:
    """
    It is told once, when it would have said so itself if its loop turned.
    """
    watch = Watch()
    watch.worker.told = watch.now
    assert watch.after(5.0) == []
    assert watch.after(0.9, beating=False) == []
    assert watch.after(0.2, beating=False) == [("unheard", 0), ("silent", 1)]
    assert watch.after(5.0, beating=False) == []
