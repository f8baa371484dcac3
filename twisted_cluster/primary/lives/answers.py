"""
Whether a worker that asks reads its answers.
"""

from __future__ import annotations

import time

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from twisted_cluster.errors import MessageError
from twisted_cluster.primary.door.hands import Hand
from twisted_cluster.talk.peer import Peer

# Who asks, and does not read its answers, is killed after so many seconds; but while its
# heart has not beaten for so many nanoseconds it may be at work.
UNREAD = 30.0
BEATS = 1_000_000_000


class AnswerWatch:
    """
    Accuses a worker that is not heard, because so many answers wait, and reads none.
    """

    def __init__(self, clock: IReactorTime, hand: Hand, peer: Peer) -> None:
        """
        @param peer: What has its answers.
        """
        self._clock = clock
        self._hand = hand
        self._peer = peer
        self._next: IDelayedCall | None = None

    @property
    def isOn(self) -> bool:
        """
        Whether it is looked at.
        """
        return self._next is not None

    def heldUp(self, isHeld: bool) -> None:
        """
        It is not heard from now on, or is again.
        """
        if self._next is not None:
            self._next.cancel()
            self._next = None
        if isHeld:
            self._lookLater()

    def _lookLater(self) -> None:
        self._next = self._clock.callLater(UNREAD, self._look, self._peer.mail.gone)

    def _look(self, gone: int) -> None:
        """
        Is it one that works, and has it read any of its answers?
        """
        self._next = None
        mail, hand = self._peer.mail, self._hand
        beats = time.monotonic_ns() - hand.heartbeat < BEATS and not hand.isHeld
        # It may have no listener yet for what it was sent besides.
        if beats and mail.gone == gone and mail.held <= self._peer.unread:
            why = f"it asks, and has read none of its answers for {UNREAD:.0f} s"
            hand.accuse(MessageError(why))
        else:
            self._lookLater()
