"""
What the primary and an extended program share: an array of numbers of 64 bits, each of
which only one of them writes, but for the ticket and who was chosen last.

There are two lists, of which one is read: so the primary can write the other, and then
say with a single number which to read, and how long it is.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define

from twisted_cluster.steering.places import MOST

CELL = 8
# As many turns as a list may have; both are powers of two, for the program has to show
# that it stays inside.
TURNS = 1024
# The list to read: its length, with which of the two it is above 32 bits.
WHICH = 0
# How many were chosen, or where in the list to begin.
TICKET = 1
# What nobody writes.
NOTHING = 2
LISTS = 8
WEIGHTS = LISTS + 2 * TURNS
# What a socket has to do, less how often it was chosen so far, and with what its worker
# has closed so far; so to reckon that again tells what it has to do now.
OFFSETS = WEIGHTS + MOST
# How often it was chosen; only the program writes that.
CHOSEN = OFFSETS + MOST
CELLS = CHOSEN + MOST
SIZE = CELLS * CELL
# What is remembered of peers, in bytes: address and port; when it was heard, and where.
PEER_SIZE, REMEMBERED_SIZE = 24, 16
ALL = (1 << 64) - 1


@define
class Board:
    """
    The primary's view.

    @ivar cells: All numbers, without signs.
    """

    cells: memoryview

    def chosen(self, index: int) -> int:
        """
        How often a socket was chosen.
        """
        return self.cells[CHOSEN + index]

    def load(self, index: int, closed: int = 0) -> int:
        """
        What a socket has to do, as the program sees it.

        @param closed: What its worker has closed.
        """
        chosen = self.cells[CHOSEN + index]
        load = self.cells[OFFSETS + index] + chosen - closed & ALL
        return 0 if load >> 63 else load

    def setLoad(self, index: int, load: int, chosen: int, closed: int = 0) -> None:
        """
        Say what a socket had to do.

        @param chosen: How often it had been chosen by then.
        @param closed: What its worker had closed by then.
        """
        self.cells[OFFSETS + index] = load - chosen + closed & ALL

    def setWeight(self, index: int, weight: int) -> None:
        """
        Say how much of all a socket is to have.
        """
        self.cells[WEIGHTS + index] = weight

    def setTurns(self, turns: Sequence[int]) -> None:
        """
        Say which sockets may be chosen, from now on.

        @param turns: Their indices, L{TURNS} at most, and not none.
        """
        other = 1 - (self.cells[WHICH] >> 32 & 1)
        start = LISTS + other * TURNS
        for at, index in enumerate(turns):
            self.cells[start + at] = index
        self.cells[WHICH] = other << 32 | len(turns)
