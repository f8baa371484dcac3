"""
How seldom a busy port need be looked at.
"""

from __future__ import annotations

from math import log, sqrt

# Nanoseconds for which nobody looks, from none to the most: the longer, the more come in
# one turn of the loop, and the less each of them costs.
NAPS = (0, 75_000, 150_000, 300_000)
# What is compared are spells of so many connections. Where one takes longer than that, in
# nanoseconds, hardly two come in the longest nap: then it gains nothing.
SPELL = 64
BUSY = SPELL * NAPS[-1] * 2 // 3
# Nor where a turn finds fewer than so many: they come one after the other.
SEVERAL = 1.1
# So many come in the longest nap where turns find one; where they find more, for others
# have the CPU, fewer will do.
ENOUGH = 3
# A longer nap is as good if no more than this part of the rate is lost by it; a shorter
# one is better if it gains as much.
WORTH = 0.02
# Pairs of spells after which a comparison may be over, and is.
FEW, MANY = 6, 64
# In which of four spells, so that both come first as often.
TRIED = (False, True, True, False)
# For so long nobody has come where it is over.
NOBODY = 500_000
# Spells from one comparison to the next: twice as many where nothing has changed.
SOON, SELDOM = 8, 512


class Comparison:
    """
    Whether a nap of another length is the better one: both are taken in turn, so that
    what changes meanwhile changes both.

    @ivar level: Which of L{NAPS} is tried.
    """

    def __init__(self, level: int, isLonger: bool) -> None:
        self.level = level
        self._least = -WORTH if isLonger else WORTH
        self._count = 0
        self._mean = self._squares = 0.0

    def add(self, without: int, tried: int) -> bool | None:
        """
        @param without: How long a spell took with the other one.
        @param tried: And with this one.
        @return: Whether it is better; L{None} if that cannot be said yet.
        """
        self._count += 1
        # Of a ratio itself noise makes more than it is.
        ratio = log(without / tried)
        before = ratio - self._mean
        self._mean += before / self._count
        self._squares += before * (ratio - self._mean)
        if self._count < FEW:
            return None
        error = sqrt(self._squares / (self._count - 1) / self._count)
        isClear = abs(self._mean - self._least) > 2 * error
        if isClear or self._count >= MANY:
            return self._mean > self._least
        return None


class Napping:
    """
    How long one port is not looked at after each turn, so that the next one finds more.

    Clients that come whatever is done with others do not mind. Of those of whom each
    comes again when it is served (or is all that there is) fewer come, if the workers are
    done with all that they have before it is looked again: how long that takes nobody
    knows, and so it is tried now and then.

    @ivar isBusy: Whether so many have come lately that several will.
    """

    def __init__(self, isPossible: bool = True) -> None:
        """
        @param isPossible: Whether there are naps at all.
        """
        self.isBusy = False
        self._isPossible = isPossible
        self._level = len(NAPS) - 2
        self._nap = 0
        # When anybody was found.
        self._found = 0
        self._begun = self._count = self._turns = 0
        self._trial: Comparison | None = None
        self._isUp = False
        self._spells = 0
        self._took = [0, 0]
        self._wait = self._pause = SOON

    def turn(self, now: int, found: int) -> int:
        """
        Connections were accepted.

        @param now: Monotonic nanoseconds.
        @param found: How many.
        @return: For how many nanoseconds nobody need look.
        """
        if not self._isPossible:
            return 0
        if found:
            self._count += found
            self._turns += 1
            self._found = now
            if self._count >= SPELL:
                self._end(now)
        elif now - self._found > NOBODY:
            # Whoever comes next may be the only one.
            self._calm(now)
        return self._nap

    def _calm(self, now: int) -> None:
        self.isBusy = False
        self._nap, self._trial = 0, None
        self._begun, self._count, self._turns = now, 0, 0

    def _end(self, now: int) -> None:
        """
        A spell is over.
        """
        took = max(1, now - self._begun) * SPELL // self._count
        found = self._count / self._turns
        isOften = took <= BUSY and SPELL * NAPS[-1] * found >= ENOUGH * took
        if not isOften or found < SEVERAL:
            self._calm(now)
            return
        wasBusy, self.isBusy = self.isBusy, True
        self._begun, self._count, self._turns = now, 0, 0
        if self._trial is not None:
            self._compare(self._trial, took)
        elif wasBusy:
            self._wait -= 1
            if self._wait <= 0:
                self._try()
        trial = self._trial
        isTrying = trial is not None and TRIED[self._spells % len(TRIED)]
        self._nap = NAPS[trial.level if trial and isTrying else self._level]

    def _try(self) -> None:
        self._isUp = not self._isUp
        level = self._level + (1 if self._isUp else -1)
        if 0 <= level < len(NAPS):
            self._trial = Comparison(level, self._isUp)
            self._spells = 0

    def _compare(self, trial: Comparison, took: int) -> None:
        self._took[TRIED[self._spells % len(TRIED)]] = took
        self._spells += 1
        if self._spells % 2:
            return
        isBetter = trial.add(*self._took)
        if isBetter is None:
            return
        self._trial, self._pause = None, min(SELDOM, self._pause * 2)
        if isBetter:
            self._level, self._pause = trial.level, SOON
        self._wait = self._pause
