"""
How fast what one worker says is read: as fast as is fair to the others.
"""

from __future__ import annotations

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from twisted_cluster.core.allowance import Allowance
from twisted_cluster.errors import MessageError
from twisted_cluster.wire.reader import Reader

# Of this process's time in the long run, and at once: an application that starts may open
# some hundred ports.
SHARE = 0.05
AT_ONCE = 0.1
# A channel holds some 300 messages. A worker that works waits for answers, and of what
# tells a state it sends the newest only: who has sent so many, for so many seconds,
# without ever letting this process come to the end of them, does not work.
FLOOD = 1000
FLOOD_SECONDS = 3.0


class Pace:
    """
    Lets a reader rest when what it reads has taken its share of the time.

    @ivar isResting: Whether nothing is to be read for now.
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

    @property
    def isResting(self) -> bool:
        return self._resting is not None

    def spent(self, begun: float) -> None:
        """
        Something was read.

        @param begun: When that began.
        """
        rest = self._allowance.spend(begun, self._clock.seconds())
        if rest and self._resting is None:
            self._reader.stop()
            self._resting = self._clock.callLater(rest, self._goOn)

    def emptied(self) -> None:
        """
        There was no more.
        """
        self._since = None

    def left(self, count: int) -> None:
        """
        There may be more.

        @param count: How many messages were read.
        @raise MessageError: If that is so all the time.
        """
        now = self._clock.seconds()
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
        self._reader.start()
