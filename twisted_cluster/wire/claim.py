"""
The room for a long message of which a part has come.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from twisted_cluster.errors import MessageError
from twisted_cluster.wire.mailroom import Assembling

# What is shorter needs no room of its own: each process has so many bytes for it.
SHORT = 1 << 20
# Bytes a second: a process that works sends some hundred times as many.
LEAST = 1 << 22
# Seconds until who got no room asks again.
REST = 0.05


class Claim:
    """
    Asks for the room of the message that comes of one process, and keeps that from being
    read while there is none.

    @ivar size: How long that message is, in bytes; 0 if there is none.
    """

    def __init__(
        self,
        clock: IReactorTime,
        coming: Assembling,
        hold: Callable[[bool], None],
        lose: Callable[[MessageError], None],
        waits: Callable[[], bool],
    ) -> None:
        """
        @param hold: Called with whether nothing is to be read.
        @param lose: Called when the other process has taken too long.
        @param waits: Tells whether it is read, and there is little to be read.
        """
        self._clock = clock
        self._coming = coming
        self._hold = hold
        self.tooSlow = lose
        self._waits = waits
        self._came = 0
        self.size = 0
        self._isHeld = False
        self._resting: IDelayedCall | None = None

    def look(self, size: int, isNew: bool, came: int) -> None:
        """
        Something has come.

        @param size: How long the message is that is not there yet, in bytes.
        @param isNew: Whether one is there meanwhile.
        @param came: How many bytes have come.
        """
        self._came += came
        if isNew:
            self.end()
        if size > SHORT and not self.size:
            self.size = size
            self._ask()

    def isLate(self, seconds: float) -> bool:
        came, self._came = self._came, 0
        return came < LEAST * seconds and self._waits()

    def end(self) -> None:
        """
        It is there, or will not be.
        """
        self.size = 0
        self._coming.release(self)
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None
        self._holdIf(False)

    def _ask(self) -> None:
        self._resting = None
        isGiven = self._coming.claim(self, self.size)
        if not isGiven:
            self._resting = self._clock.callLater(REST, self._ask)
        self._holdIf(not isGiven)

    def _holdIf(self, isHeld: bool) -> None:
        if isHeld != self._isHeld:
            self._isHeld = isHeld
            self._hold(isHeld)
