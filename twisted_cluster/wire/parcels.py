"""
Frames that wait to be sent, in order.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from itertools import islice

from attrs import define
from twisted.internet.defer import Deferred

from twisted_cluster.wire.mailroom import SendingRoom, Shared

# How many pieces are handed to the kernel at once: a fourth of what it accepts.
PIECES = 256
# After so many bytes nothing more is put beside them: the kernel has no room for it.
AT_ONCE = 1 << 18
# What a frame takes while it waits, beside its bytes: they are several objects, and who
# waits for it has a Deferred with callbacks. 390 to 1,000 bytes, as measured.
OBJECTS = 1 << 10


@define(eq=False)
class Parcel:
    """
    A frame that is not sent yet.

    @ivar pieces: What is left of it.
    @ivar cost: What it takes of the room until it is sent whole, in bytes of memory; 0 of
        a long one, which has a room of its own.
    @ivar fd: The descriptor that goes with the first byte; -1 for none.
    @ivar taken: Fires when the kernel has all of it.
    @ivar shared: A body that is not in its cost, as it may wait for others too.
    """

    pieces: Sequence[memoryview | bytes]
    size: int
    cost: int
    fd: int
    taken: Deferred[None]
    shared: Shared | None = None

    def close(self) -> None:
        """
        Let go of the descriptor.
        """
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)


class Parcels:
    """
    @ivar waiting: How many bytes wait.
    @ivar held: How much of the room that takes, in bytes of memory.
    @ivar gone: How many bytes have been sent.
    """

    def __init__(self, room: SendingRoom) -> None:
        """
        @param room: Of which this takes a part.
        """
        self.waiting = 0
        self.held = 0
        self.gone = 0
        self._room = room
        self._parcels: deque[Parcel] = deque()

    def __bool__(self) -> bool:
        return bool(self._parcels)

    @property
    def descriptors(self) -> int:
        """
        How many descriptors wait.
        """
        return sum(parcel.fd >= 0 for parcel in self._parcels)

    def add(self, parcel: Parcel) -> None:
        """
        One more, behind the others.
        """
        room, cost = self._room, parcel.cost
        if cost > room.share:
            room.hasLong = True
            parcel.cost = cost = 0
        self._parcels.append(parcel)
        self.waiting += parcel.size
        self.held += cost
        room.used += cost
        if parcel.shared is not None:
            self.held += room.partOf(parcel.shared)
            room.enter(parcel.shared)

    def batch(self) -> tuple[Sequence[memoryview | bytes], Sequence[int]]:
        """
        @return: What to hand to the kernel next, and the descriptor that goes along, if
            one does.
        """
        first = self._parcels[0]
        pieces, size = list(first.pieces), first.size
        for parcel in islice(self._parcels, 1, PIECES):
            if parcel.fd >= 0 or size > AT_ONCE:
                break
            pieces += parcel.pieces
            size += parcel.size
        return pieces, (first.fd,) if first.fd >= 0 else ()

    def sent(self, count: int) -> list[Parcel]:
        """
        So many bytes of the batch are the kernel's now.

        @param count: 1 or more: the descriptor has gone along.
        @return: What is sent whole.
        """
        self.gone += count
        self.waiting -= count
        parcels, released = self._parcels, 0
        parcels[0].close()
        done = []
        while parcels and count >= parcels[0].size:
            done.append(parcel := parcels.popleft())
            count -= parcel.size
            released += parcel.cost or self._endLong()
            if parcel.shared is not None:
                self._letGo(parcel.shared)
        if count:
            first = parcels[0]
            first.pieces = without(first.pieces, count)
            first.size -= count
        self.held -= released
        self._room.used -= released
        return done

    def clear(self) -> list[Parcel]:
        """
        Forget everything.

        @return: What was forgotten.
        """
        dropped = list(self._parcels)
        self._parcels.clear()
        for parcel in dropped:
            if not parcel.cost:
                self._endLong()
            if parcel.shared is not None:
                self._letGo(parcel.shared)
            parcel.close()
        self._room.used -= self.held
        self.waiting = self.held = 0
        return dropped

    def _letGo(self, shared: Shared) -> None:
        self.held -= self._room.partOf(shared)
        self._room.leave(shared)

    def _endLong(self) -> int:
        self._room.hasLong = False
        return 0


def without(
    pieces: Sequence[memoryview | bytes], count: int
) -> Sequence[memoryview | bytes]:
    """
    @return: The pieces without their first C{count} bytes.
    """
    left: list[memoryview | bytes] = []
    for piece in pieces:
        if count < len(piece):
            left.append(memoryview(piece)[count:])
        count = max(0, count - len(piece))
    return left
