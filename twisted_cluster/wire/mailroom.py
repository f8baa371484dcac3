"""
How much memory users' messages may take.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from attrs import define, frozen
from twisted.internet.defer import Deferred, succeed

from twisted_cluster.defaults import MAIL_LIMIT
from twisted_cluster.errors import MessageError

# Seconds for which nothing of a long message may come while another waits for its room: a
# hundred times what it takes.
PATIENCE = 10.0
# Between two looks; what is longer is this process's own doing.
LONGEST_LOOK = 0.2


@define(eq=False)
class Shared:
    """
    A body that may wait for several processes, and is held once.

    @ivar size: How much memory it takes, in bytes.
    @ivar waits: For how many it waits.
    @ivar gone: What fires when it waits for nobody any more, if anybody asks.
    """

    size: int
    waits: int = 0
    gone: Deferred[None] | None = None

    def whenGone(self) -> Deferred[None]:
        """
        To be asked once.

        @return: Fires when it waits for nobody any more, be it because all are gone.
        """
        if not self.waits:
            return succeed(None)
        self.gone = Deferred()
        return self.gone


class SendingRoom:
    """
    What may wait in one process to be sent. One that reads nothing leaves the others
    their part. A message that is longer than such a part has a room of its own, for one
    at a time.

    @ivar most: For all other processes together, in bytes of memory.
    @ivar share: For one of them.
    @ivar used: How much of it is in use.
    @ivar hasLong: Whether the room for a long one is taken.
    @ivar isFlooded: Whether so much has waited that its memory is to be given back.
    """

    def __init__(self, most: int = MAIL_LIMIT, shares: int = 1) -> None:
        """
        @param shares: Each process gets one of so many.
        """
        self.most = most
        self.share = most // shares
        self.used = 0
        self.hasLong = self.isFlooded = False

    def refusal(self, held: int, more: int, shared: Shared | None = None) -> str:
        """
        Whether there is room.

        @param held: What waits for the process in question.
        @param more: What is to wait too.
        @param shared: Beside it, what may wait for others already.
        @return: Why there is none; empty if there is.
        """
        isNew = shared is None or not shared.waits
        part = self.partOf(shared)
        if more > self.share or (shared is not None and shared.size > part):
            isFull = self.hasLong and isNew
            return "a message as long as this one waits already" if isFull else ""
        if held + more + part > self.share:
            return f"{held} bytes wait: no room for more"
        if self.used + more + (part if isNew else 0) > self.most:
            return f"{self.used} bytes wait for all processes: no room for more"
        return ""

    def partOf(self, shared: Shared | None) -> int:
        """
        How much of the room a body takes: nothing if it is long.
        """
        return 0 if shared is None or shared.size > self.share else shared.size

    def enter(self, shared: Shared) -> int:
        """
        A body waits for one more.

        @return: How much of the room it takes.
        """
        isLong = shared.size > self.share
        part = 0 if isLong else shared.size
        if not shared.waits:
            self.used += part
            self.hasLong |= isLong
        shared.waits += 1
        return part

    def leave(self, shared: Shared) -> int:
        """
        A body waits for one less.

        @return: As of L{enter}.
        """
        isLong = shared.size > self.share
        part = 0 if isLong else shared.size
        shared.waits -= 1
        if not shared.waits:
            self.used -= part
            self.hasLong &= not isLong
        return part


class Sender(Protocol):
    """
    Another process, of which a long message comes.
    """

    def isLate(self, seconds: float) -> bool:
        """
        Whether hardly anything of it has come since this was asked last, though it would
        have been read.

        @param seconds: How long ago that was.
        """

    def tooSlow(self, error: MessageError) -> None:
        """
        It is not waited for any more.
        """


@define
class _Coming:
    """
    @ivar size: How long the message is, in bytes.
    @ivar looked: When it was looked at last.
    @ivar late: For how many seconds others have waited for nothing.
    """

    size: int
    looked: float
    late: float = 0.0


class Assembling:
    """
    Long messages of which a part has come.
    """

    def __init__(
        self, most: int = MAIL_LIMIT, seconds: Callable[[], float] = time.monotonic
    ) -> None:
        """
        @param most: How long they may be together, in bytes; one alone may be longer.
        """
        self._most = most
        self._seconds = seconds
        self._coming: dict[Sender, _Coming] = {}

    def claim(self, sender: Sender, size: int) -> bool:
        """
        Ask for room. Who has it, and takes too long while somebody else asks, loses it.

        @param size: How long the message is, in bytes.
        @return: Whether there is room now; if not, ask again later.
        """
        self.release(sender)
        others = sum(each.size for each in self._coming.values())
        if self._coming and others + size > self._most:
            self._hurry()
            return False
        self._coming[sender] = _Coming(size, self._seconds())
        return True

    def release(self, sender: Sender) -> None:
        """
        It has come, or will not.
        """
        self._coming.pop(sender, None)

    def _hurry(self) -> None:
        now = self._seconds()
        for sender, coming in list(self._coming.items()):
            since, coming.looked = min(now - coming.looked, LONGEST_LOOK), now
            # Several may wait, and each looks: between two looks there is a while.
            if sender.isLate(since):
                coming.late += since
            if coming.late > PATIENCE:
                why = f"it has begun a message of {coming.size} bytes, and for "
                late = f"{PATIENCE:.0f} s nothing of it has come, while others wait for "
                sender.tooSlow(MessageError(f"{why}{late}the room"))


@frozen
class Mailroom:
    """
    @ivar sending: What waits to be sent.
    @ivar coming: What has not come whole.
    """

    sending: SendingRoom
    coming: Assembling

    @classmethod
    def make(cls, most: int = MAIL_LIMIT, shares: int = 1) -> Mailroom:
        """
        @param most: In bytes, for either.
        @param shares: What waits for one process gets one of so many.
        """
        return cls(SendingRoom(most, shares), Assembling(most))
