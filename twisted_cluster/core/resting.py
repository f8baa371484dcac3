"""
The garbage collector, which rests while there is much that is no garbage.
"""

from __future__ import annotations

import gc

# More new objects than there are.
NEVER = (1 << 31) - 1
# So many more there may be while those of a long message are in use; it is 700, as a
# rule, from one collection to the next.
MORE = 10_000


class Rest:
    """
    It is put off, not switched off: who does that meanwhile, or says when it is to be,
    has the last word.

    @ivar isOn: Whether it rests.
    """

    def __init__(self) -> None:
        self.isOn = False
        self._usual = gc.get_threshold()
        self._set = 0

    def begin(self) -> None:
        """
        Many objects are to be made, all of which are needed: looking for garbage among
        them takes as long as making them.
        """
        if not self.isOn:
            self._usual = gc.get_threshold()
            # With 0 it does not collect anyhow.
            self.isOn = self._usual[0] > 0
        self._putOff(NEVER)

    def ease(self) -> None:
        """
        They are made, and in use for a while.
        """
        self._putOff(gc.get_count()[0] + MORE)

    def end(self) -> None:
        """
        They are not in use any more.
        """
        if self.isOn and gc.get_threshold()[0] == self._set:
            gc.set_threshold(*self._usual)
        self.isOn = False

    def _putOff(self, count: int) -> None:
        if self.isOn:
            self._set = count
            gc.set_threshold(count, *self._usual[1:])


# There is one collector in a process.
REST = Rest()
