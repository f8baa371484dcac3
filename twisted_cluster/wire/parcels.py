"""
Frames that wait to be sent, in order.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Protocol

from attrs import define
from twisted.internet.defer import Deferred

from twisted_cluster.wire.heap import FLOOD
from twisted_cluster.wire.mailroom import SendingRoom, Shared

# How many pieces are handed to the kernel at once: a fourth of what it accepts.
PIECES = 256
# After so many bytes nothing more is put beside them: the kernel has no room for it.
AT_ONCE = 1 << 18
# While more than this waits, in bytes, what comes to wait is copied, if it is less than
# malloc keeps apart: orjson's texts begin a block of eight times their length, and what
# is left of that is of little use to others.
CROWD = 1 << 20
APART = 1 << 17
# What a frame takes while it waits, beside its bytes: they are several objects, and who
# waits for it may have a Deferred with callbacks. 390 to 1,000 bytes, as measured.
OBJECTS = 1 << 10


class Waiter(Protocol):
    """
    Is told what has become of something that was to be sent, as a Deferred is.
    """

    def callback(self, result: None, /) -> object:
        """
        The kernel has all of it.
        """

    def errback(self, fail: Exception, /) -> object:
        """
        It will not be sent.
        """


@define(eq=False)
class Parcel:
    """
    A frame that is not sent yet; one that several get is in the way of each of them.

    @ivar size: Of all pieces, in bytes.
    @ivar cost: What it takes of the room until it is sent whole, in bytes of memory; a
        long one has a room of its own.
    @ivar fd: The descriptor that goes with the first byte; -1 for none.
    @ivar taken: Told when the kernel has all of it; L{None} where others get it too.
    @ivar shared: A body that is not in its cost, as it may wait for others too.
    """

    pieces: Sequence[memoryview | bytes]
    size: int
    cost: int
    fd: int = -1
    taken: Waiter | None = None
    shared: Shared | None = None

    def pack(self) -> None:
        """
        Have it take no more memory than it says, though it is copied for that.
        """
        if len(self.pieces) > 1 and self.size < APART:
            self.pieces = (b"".join(self.pieces),)

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
        # How many bytes of the first are sent.
        self._begun = 0

    def __bool__(self) -> bool:
        return bool(self._parcels)

    @property
    def descriptors(self) -> int:
        """
        How many descriptors wait.
        """
        return sum(parcel.fd >= 0 for parcel in self._parcels)

    def add(self, parcel: Parcel, begun: int = 0) -> None:
        """
        One more, behind the others.

        @param begun: How many of its bytes are sent; 0 if it is not the first.
        """
        room, cost = self._room, parcel.cost
        if cost > room.share:
            room.hasLong = True
            cost = 0
        if begun:
            self._begun = begun
        if room.used > CROWD:
            parcel.pack()
            room.isFlooded |= room.used > FLOOD
        self._parcels.append(parcel)
        self.waiting += parcel.size - begun
        room.used += cost
        if parcel.shared is not None:
            cost += room.enter(parcel.shared)
        self.held += cost

    def batch(self) -> tuple[Sequence[memoryview | bytes], Sequence[int]]:
        """
        @return: What to hand to the kernel next, and the descriptor that goes along, if
            one does.
        """
        first, begun = self._parcels[0], self._begun
        pieces = without(first.pieces, begun) if begun else list(first.pieces)
        size = first.size - begun
        for parcel in islice(self._parcels, 1, PIECES):
            if parcel.fd >= 0 or size > AT_ONCE:
                break
            pieces += parcel.pieces
            size += parcel.size
        return pieces, (first.fd,) if first.fd >= 0 else ()

    def sent(self, count: int) -> list[Waiter]:
        """
        So many bytes of the batch are the kernel's now.

        @param count: 1 or more: the descriptor has gone along.
        @return: What is to be fired, as it is sent whole.
        """
        self.gone += count
        self.waiting -= count
        parcels, released, shares = self._parcels, 0, 0
        parcels[0].close()
        count += self._begun
        done: list[Waiter] = []
        while parcels and count >= parcels[0].size:
            parcel = parcels.popleft()
            count -= parcel.size
            released += self._costOf(parcel)
            if parcel.taken is not None:
                done.append(parcel.taken)
            shared = parcel.shared
            if shared is not None:
                shares += self._room.leave(shared)
                if not shared.waits:
                    done += _firedBy(shared)
        self._begun = count
        self.held -= released + shares
        self._room.used -= released
        return done

    def clear(self) -> tuple[list[Waiter], list[Waiter]]:
        """
        Forget everything.

        @return: What fails with that, and what is to be fired: who sent it to others too.
        """
        dropped = list(self._parcels)
        self._parcels.clear()
        failed: list[Waiter] = []
        done: list[Waiter] = []
        for parcel in dropped:
            self._room.used -= self._costOf(parcel)
            if parcel.taken is not None:
                failed.append(parcel.taken)
            if parcel.shared is not None:
                self._room.leave(parcel.shared)
                done += _firedBy(parcel.shared)
            parcel.close()
        self.waiting = self.held = self._begun = 0
        return failed, done

    def _costOf(self, parcel: Parcel) -> int:
        """
        What it does not take any more.
        """
        if parcel.cost > self._room.share:
            self._room.hasLong = False
            return 0
        return parcel.cost


def _firedBy(shared: Shared) -> Sequence[Deferred[None]]:
    if shared.waits or shared.gone is None:
        return ()
    fired, shared.gone = shared.gone, None
    return (fired,)


def without(pieces: Sequence[memoryview | bytes], count: int) -> list[memoryview | bytes]:
    """
    @return: The pieces without their first C{count} bytes.
    """
    left: list[memoryview | bytes] = []
    for piece in pieces:
        if count < len(piece):
            left.append(memoryview(piece)[count:])
        count = max(0, count - len(piece))
    return left
