"""
What is still to be told over a control channel.
"""

from __future__ import annotations

import os
import time
from collections.abc import Hashable, Sequence
from itertools import count

from attrs import frozen
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from twisted_cluster.core.allowance import Allowance
from twisted_cluster.core.messages import Message, encode, isFrequent, stateOf
from twisted_cluster.errors import ChannelClosedError, ChannelFullError
from twisted_cluster.wire.channel import Channel
from twisted_cluster.wire.passing import closeAll

log = Logger()
# More than any worker has ports; who does not read so many messages reads none.
MOST_UNREAD = 4096
# A worker that works waits for each listening socket before it asks for the next; each
# takes a descriptor of this process, which has others to serve.
MOST_DESCRIPTORS = 64
# Seconds until a full channel is tried again, doubled each time: so soon that who reads
# on hardly waits, so rarely at last that who does not costs nothing.
SOONEST = 0.005
LATEST = 0.1


@frozen
class _Waiting:
    """
    @ivar fds: Copies of what goes along.
    """

    message: Message
    fds: Sequence[int]


class Outbox:
    """
    Tells messages in order, at once if there is room, else as soon as there is. Of
    messages that tell a state (L{stateOf<twisted_cluster.core.messages.stateOf>}) the
    newest takes the place of one that waits, at the end. Of what is frequent so many are
    told as may be; then they wait, for what follows them a moment later may spare them.

    @ivar isOpen: Whether anything can be told.
    """

    def __init__(
        self, channel: Channel, clock: IReactorTime, pace: Allowance | None = None
    ) -> None:
        """
        @param pace: How much may be told of what is frequent; L{None}: all.
        """
        self.isOpen = True
        self._pace = pace
        self._channel = channel
        self._clock = clock
        self._waiting: dict[Hashable, _Waiting] = {}
        self._numbers = count()
        self._rest = SOONEST
        self._resting: IDelayedCall | None = None

    def __len__(self) -> int:
        """
        How many messages wait.
        """
        return len(self._waiting)

    @property
    def _descriptors(self) -> int:
        return sum(len(waiting.fds) for waiting in self._waiting.values())

    def say(self, message: Message, fds: Sequence[int] = ()) -> bool:
        """
        Tell a message, now or later.

        @param fds: At most one descriptor to send along; the caller keeps its own. If it
            has to wait, and there is no number free for a copy, the message is told
            without, as if there were none at the other end.
        @return: Whether it is told or will be: L{False} if the other process is gone.
        @raise ChannelFullError: If L{MOST_UNREAD} messages wait already, or
            L{MOST_DESCRIPTORS} descriptors and this is one more.
        @raise MessageError: If it is longer than the other end would take.
        """
        if not self.isOpen:
            return False
        if self._isNext(message) and self._isTold(message, fds):
            return self.isOpen
        self._keep(message, fds)
        return True

    def _isNext(self, message: Message) -> bool:
        """
        Whether it may be told now: nothing waits before it.
        """
        if self._pace is not None:
            if isFrequent(message):
                return not self._waiting and self._mayTell(message)
            if self._waiting:
                self._flush()
        return not self._waiting

    def _mayTell(self, message: Message) -> bool:
        if self._pace is None or not isFrequent(message):
            return True
        return self._pace.takes(self._clock.seconds(), 1.0)

    def takeBack(self, message: Message) -> None:
        """
        It is so no more: if it waits, it need not be told.
        """
        for key in reversed(self._waiting):
            if self._waiting[key].message == message:
                closeAll(self._waiting.pop(key).fds)
                return

    def flushNow(self, timeout: float) -> bool:
        """
        Block until nothing waits.

        @param timeout: In seconds; returns after it all the same.
        @return: Whether nothing waits.
        """
        deadline = time.monotonic() + timeout
        while self._waiting:
            before = len(self._waiting)
            self._flush()
            left = deadline - time.monotonic()
            if not self._waiting or left <= 0:
                break
            self._channel.waitForRoom(left)
            if len(self._waiting) == before:
                # Where there is room, but no memory, there is no waiting for it.
                time.sleep(min(left, SOONEST))
        return not self._waiting

    def close(self) -> None:
        """
        Tell nothing more.
        """
        self.isOpen = False
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None
        for waiting in self._waiting.values():
            closeAll(waiting.fds)
        self._waiting.clear()

    def _isTold(self, message: Message, fds: Sequence[int]) -> bool:
        """
        @return: Whether the kernel has it, or nobody is there to have it.
        """
        try:
            self._channel.send(message, fds)
        except ChannelFullError:
            return False
        except ChannelClosedError:
            self.close()
        return True

    def _keep(self, message: Message, fds: Sequence[int]) -> None:
        encode(message)
        key: Hashable = stateOf(message) or next(self._numbers)
        replaced = self._waiting.pop(key, None)
        if replaced is not None:
            closeAll(replaced.fds)
        if self._pace is not None and len(self._waiting) >= MOST_UNREAD:
            self._flush()
        if len(self._waiting) >= MOST_UNREAD:
            raise ChannelFullError(f"{MOST_UNREAD} messages wait that nobody reads")
        if fds and self._descriptors >= MOST_DESCRIPTORS:
            raise ChannelFullError(f"{MOST_DESCRIPTORS} sockets wait that nobody takes")
        self._waiting[key] = _Waiting(message, _copies(fds))
        if self._resting is None:
            self._resting = self._clock.callLater(self._rest, self._tryAgain)

    def _tryAgain(self) -> None:
        self._resting = None
        before = len(self._waiting)
        self._flush(isPaced=True)
        if self._waiting:
            moves = len(self._waiting) < before
            self._rest = SOONEST if moves else min(LATEST, self._rest * 2)
            self._resting = self._clock.callLater(self._rest, self._tryAgain)
        else:
            self._rest = SOONEST

    def _flush(self, isPaced: bool = False) -> None:
        # Bounded by what a channel holds.
        while self._waiting:
            key, first = next(iter(self._waiting.items()))
            if isPaced and not self._mayTell(first.message):
                return
            if not self._isTold(first.message, first.fds):
                return
            if self._waiting.pop(key, None) is not None:
                closeAll(first.fds)


def _copies(fds: Sequence[int]) -> Sequence[int]:
    try:
        return [os.dup(fd) for fd in fds]
    except OSError as error:
        log.error("a descriptor cannot be sent: {error}", error=error)
        return ()
