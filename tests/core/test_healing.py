"""
What becomes of slots whose workers end too early.
"""

from __future__ import annotations

from twisted_cluster.core.actions import Action, Again, Failing, GiveUp, Recovered
from twisted_cluster.core.healing import Healing
from twisted_cluster.core.population import Population


class Slot:
    """
    One slot, whose workers end as they are told, in a time of its own.
    """

    def __init__(self, giveUpAfter: int = 0, others: int = 0) -> None:
        self.now = 0.0
        self.wanted = 1 + others
        self._there = Population()
        self._there.provide(self.wanted)
        self.healing = Healing(self._there, giveUpAfter, isProven=True)
        self._serve(others)

    def _serve(self, others: int) -> None:
        for number in range(2, 2 + others):
            self._there.begin(self.now, number).ready = self.now

    def life(self, ready: float | None) -> list[Action]:
        """
        One worker's: it ends after it has been ready for so long, or without.
        """
        life = self._there.begin(self.now, 1)
        if ready is not None:
            life.ready = self.now
        actions = self.after(ready or 0.0)
        del self._there.lives[life.id]
        return [*actions, *self.healing.mourn(self.now, life, self.wanted)]

    def after(self, seconds: float) -> list[Action]:
        """
        Time passes, with a tick at its end.
        """
        self.now += seconds
        return self.healing.tick(self.now, self.wanted)


def test_failedSlotIsToldOnceAMinute() -> None:
    """
    With how long the next one waits, until one stays.
    """
    slot = Slot(others=1)
    for _ in range(4):
        slot.life(None)
    assert slot.after(59.0) == []
    (failing,) = slot.after(2.0)
    assert isinstance(failing, Failing)
    assert (failing.slot, failing.failures, failing.wasReady) == (1, 4, False)
    assert (failing.serving, failing.wanted) == (1, 2)
    assert slot.after(59.0) == []
    assert len(slot.after(2.0)) == 1
    recovered, *_ = slot.life(1.5)
    assert isinstance(recovered, Recovered)
    assert not [one for one in slot.after(200.0) if isinstance(one, Recovered)]


def test_whoStaysOnlyForSecondsIsTold() -> None:
    """
    The fifth in a row, and once a minute; it is not put off.
    """
    slot = Slot()
    for _ in range(4):
        assert slot.life(2.0) == []
        assert slot.after(0.0) == []
    slot.life(2.0)
    assert slot.after(0.0) == [Failing(1, 0, 5, 0.0, True, 0, 1)]
    for _ in range(25):
        assert slot.life(2.0) == []
    (failing,) = slot.after(11.0)
    assert isinstance(failing, Failing)
    assert failing.short == 30


def test_whoStaysEndsTheRow() -> None:
    """
    Ten seconds are enough, however it ends then.
    """
    slot = Slot()
    for _ in range(4):
        slot.life(2.0)
    slot.life(10.0)
    for _ in range(4):
        slot.life(2.0)
    assert slot.after(100.0) == []


def test_givingUpCountsARow() -> None:
    """
    Of those that cannot start, and of those that do not stay; it is not given up before
    the last of it.
    """
    slot = Slot(giveUpAfter=3)
    slot.life(2.0)
    assert isinstance(slot.life(None)[0], Again)
    slot.life(11.0)
    slot.life(None)
    slot.life(3.0)
    (gave,) = slot.life(None)
    assert isinstance(gave, GiveUp)
    assert gave.tries == 3


def test_nobodyIsGivenUpUnasked() -> None:
    """
    However long it goes on.
    """
    slot = Slot()
    ends = [one for _ in range(200) for one in slot.life(None)]
    assert not [one for one in ends if isinstance(one, GiveUp)]
    assert isinstance(ends[-1], Again)
    assert ends[-1].seconds == 2.0
