"""
Whether a worker takes what it is handed.
"""

from __future__ import annotations

from twisted_cluster.core.progress import LONGEST_GAP, Progress

STEP = 10_000_000


class Looked:
    """
    A worker that is looked at all 10 ms.
    """

    def __init__(self) -> None:
        self.progress = Progress(0)
        self.now = self.taken = self.queued = self.beat = 0

    def pass_(self, steps: int = 1) -> list[bool]:
        changes = []
        for _ in range(steps):
            self.now += STEP
            changes.append(
                self.progress.glance(self.now, self.taken, self.queued, self.beat)
            )
        return changes


def test_itStallsAtTheSecondGlance() -> None:
    """
    And goes on when it has taken something, or shown life.
    """
    one = Looked()
    one.queued = 1
    assert one.pass_(3) == [False, True, False]
    one.beat = one.now
    assert one.pass_() == [True]
    assert one.pass_() == [True]
    assert one.progress.isStalled
    one.taken, one.queued = 1, 0
    assert one.progress.goesOn(1)
    assert not one.progress.isStalled
    assert not one.progress.goesOn(1)


def test_whoHasNothingDoesNotStall() -> None:
    one = Looked()
    assert not any(one.pass_(10))
    assert one.progress.takesNothing is None


def test_sinceWhenItTakesNothing() -> None:
    """
    Neither beats nor that it was relieved begin anew; what it takes does.
    """
    one = Looked()
    one.queued = 1
    for _ in range(10):
        one.beat = one.now
        one.pass_(5)
    since = one.progress.takesNothing
    assert since is not None
    assert 40 * STEP < one.now - since <= 50 * STEP
    one.queued, one.beat = 0, one.now
    one.pass_(5)
    one.queued = 1
    one.pass_(2)
    again = one.progress.takesNothing
    assert again is not None
    assert one.now - again > 40 * STEP
    one.taken = 1
    one.pass_()
    assert one.progress.takesNothing is None


def test_whoIsAtWorkIsNotDeaf() -> None:
    """
    While its heart does not beat it takes nothing, and could not; the first beat after
    that may come before it takes something.
    """
    one = Looked()
    one.queued, one.beat = 1, 1
    one.pass_(1000)
    one.beat = one.now
    one.pass_()
    since = one.progress.takesNothing
    assert since is not None
    assert one.now - since <= LONGEST_GAP + STEP


def test_idleTimeDoesNotCount() -> None:
    """
    A worker that was slow once, and is not given anything after that, has not refused
    anything since.
    """
    one = Looked()
    one.queued, one.beat = 1, 1
    one.pass_(3)
    one.queued = 0
    for _ in range(1000):
        one.beat = one.now
        one.pass_()
    since = one.progress.takesNothing
    assert since is not None
    assert one.now - since < 5 * STEP


def test_theTimeInWhichNobodyLookedDoesNotCount() -> None:
    """
    The primary may have been stopped.
    """
    one = Looked()
    one.queued, one.beat = 1, 1
    one.pass_()
    one.now += 3600 * 1_000_000_000
    one.beat = one.now
    one.pass_()
    since = one.progress.takesNothing
    assert since is not None
    assert one.now - since <= STEP + LONGEST_GAP
