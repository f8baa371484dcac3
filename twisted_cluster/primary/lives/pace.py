"""
How fast what one worker says is read: as fast as is fair to the others.
"""

from __future__ import annotations

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from twisted_cluster.core.allowance import Allowance
from twisted_cluster.errors import MessageError
from twisted_cluster.primary.lives.share import WAY
from twisted_cluster.wire.reader import Reader

# Of this process's time in the long run, and at once: an application that starts may open
# some hundred ports.
SHARE = 0.05
AT_ONCE = 0.1
# A worker that works waits for each answer, and says little besides: after a rest there
# are a few messages.
FEW = 8
# Who has always had more to say than its share of the time was enough for, for so many
# seconds, does not work; of messages a channel holds fewer than this.
FLOOD = 300
FLOOD_SECONDS = 3.0


class Pace:
    """
    Lets a reader rest when what it reads has taken its share of the time.

    @ivar isResting: Whether nothing is to be read for now.
    @ivar isHeld: Whether that is so until somebody says otherwise.
    """

    def __init__(self, clock: IReactorTime, reader: Reader) -> None:
        """
        @param clock: Does not go back.
        """
        self._clock = clock
        self._reader = reader
        self._allowance = Allowance(SHARE, AT_ONCE)
        self._resting: IDelayedCall | None = None
        self._since: float | None = None
        self._count = 0
        self.isHeld = False

    @property
    def isResting(self) -> bool:
        return self._resting is not None or self.isHeld

    def hold(self, isHeld: bool) -> None:
        """
        Read nothing more, or go on.
        """
        self.isHeld = isHeld
        if isHeld:
            self._reader.stop()
        elif self._resting is None:
            self._reader.start()

    def spent(self, seconds: float, count: int, isAll: bool) -> None:
        """
        Something was read.

        @param seconds: The time that it took, of the processor's.
        @param count: How many messages that were.
        @param isAll: Whether there were no more.
        @raise MessageError: If it is too much all the time.
        """
        now = self._clock.seconds()
        rest = self._allowance.spend(now, seconds + WAY)
        if not rest or (isAll and count <= FEW):
            self._since = None
        else:
            self._checkFlood(now, count)
        if rest and self._resting is None:
            self._reader.stop()
            self._resting = self._clock.callLater(rest, self._goOn)

    def _checkFlood(self, now: float, count: int) -> None:
        if self._since is None:
            self._since, self._count = now, 0
        self._count += count
        seconds = now - self._since
        if self._count >= FLOOD and seconds >= FLOOD_SECONDS:
            raise MessageError(
                f"it floods its control channel: {self._count} messages in {seconds:.0f} "
                "s, and more to come"
            )

    def stop(self) -> None:
        """
        Read no more.
        """
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None
        self._reader.stop()

    def _goOn(self) -> None:
        self._resting = None
        if not self.isHeld:
            self._reader.start()
