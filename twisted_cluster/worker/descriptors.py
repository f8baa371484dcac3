"""
How many descriptors this worker may have: as many as the process that the user started,
until it needs more.
"""

from __future__ import annotations

import os

from twisted_cluster.wire.limit import (
    changeLimit,
    currentLimit,
    highestLimit,
    openDescriptors,
)

# So many are free, and half of what there may be: else the limit is raised, before what
# is sent here finds no number.
SPARE = 256
# A copy of this process that has fewer free than this keeps the raised limit.
LEAST = 64


class Descriptors:
    """
    Raises the limit when that is needed, once, and as far as it goes. Programs that are
    started later get the old one.

    @ivar limit: How many there may be as it is.
    @ivar most: How many there may be when the limit has been raised.
    @ivar isRaised: Whether all that can be done has been done.
    """

    def __init__(self, reactor: object) -> None:
        """
        @param reactor: The one that is to use them.
        """
        self._reactor = reactor
        self._given: int | None = None
        self.isRaised = False
        self.look()

    def look(self) -> None:
        """
        Look whether somebody has changed the limit.
        """
        self.limit = currentLimit()
        if self.isRaised:
            self.most = self.limit
        else:
            self.most = highestLimit(self._reactor)
            self.isRaised = self.most == self.limit

    @property
    def spare(self) -> int:
        """
        How many descriptors there may be before the limit has to be raised.
        """
        return min(self.limit - SPARE, self.limit // 2)

    def makeRoom(self, used: int) -> None:
        """
        Raise the limit, if it is time.

        @param used: How many descriptors are open.
        """
        if self.isRaised or used <= self.spare:
            return
        self.look()
        if self.isRaised or used <= self.spare:
            return
        self.isRaised = True
        if changeLimit(self.most):
            self._given = self.limit
            os.register_at_fork(after_in_child=self._giveBack)
        self.look()

    @property
    def forPrograms(self) -> int | None:
        """
        The limit that programs are to get; L{None} if it is that of this process, which
        nobody has raised, or the application has changed since.
        """
        if self._given is None or currentLimit() != self.limit:
            return None
        return self._given

    def _giveBack(self) -> None:
        """
        In a child: have the old limit again. One that has too many open for that, as a
        mere copy of this process, could open nothing more; it keeps the raised one, and
        so does one that cannot know.
        """
        given, used = self.forPrograms, len(openDescriptors())
        if given is not None and used and used + LEAST <= given:
            changeLimit(given)
