"""
A group of sockets that a program chooses from, whatever kind of program that is.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from attrs import frozen

from twisted_cluster.errors import ClusterError
from twisted_cluster.interfaces import IKernelPrograms
from twisted_cluster.steering.places import MOST, Place
from twisted_cluster.wire.reuseport import lock

# Whose key in the map no place has.
ANCHOR = MOST - 1
# So many places a group may have.
MOST_PLACES = MOST - 1


class CannotSteerError(ClusterError):
    """
    The kernel cannot choose the workers of a listener as its policy says.
    """


@frozen
class Served:
    """
    What a worker says of a socket.

    @ivar active: Connections that it serves; what a policy goes by.
    @ivar accepted: How many have been accepted from the socket, ever, by whomever: this
        worker, those that had it before, the primary.
    """

    active: int
    accepted: int


class Steering(Protocol):
    """
    A group whose sockets a program chooses from. Nobody may be chosen at first.
    """

    kind: str
    """
    What is said in the log: C{classic} or C{extended}.
    """
    instead: str
    """
    Why it is not a better kind, for the log; empty, if there is none.
    """
    remembers: bool
    """
    Whether the program remembers who was given which socket.
    """

    @property
    def descriptors(self) -> int:
        """
        How many it has, beside the sockets.
        """

    def add(self, index: int, member: socket.socket) -> None:
        """
        A socket has begun to listen, after all others that were added. It takes the
        place of any other; no worker has it yet, unless it was there before.

        @param index: Its place, from 0, below L{MOST_PLACES}.
        @raise OSError: If it cannot be steered to.
        """

    def remove(self, index: int) -> None:
        """
        One has ceased to listen.
        """

    def allow(
        self,
        places: Sequence[Place],
        byWeight: bool = False,
        leaving: Collection[int] = (),
    ) -> None:
        """
        Have only these be chosen, from now on. If there are none, who comes waits at the
        anchor.

        @param places: Which were added.
        @param byWeight: Whether each is to be chosen as often as its weight says, though
            the programs do not look at that.
        @param leaving: Indices of others which keep whom the program remembers as
            theirs, if it does.
        @raise OSError: If the system does not take the program.
        """

    def change(self, programs: IKernelPrograms) -> None:
        """
        Have another program choose, of this kind, among the same.

        @raise CannotSteerError: If there is none.
        @raise OSError: If the system does not take it: all is as before.
        """

    def attach(self) -> None:
        """
        Have the program choose, if somebody has detached it.
        """

    def noteClosings(self) -> None:
        """
        Remember what workers have closed: to be called before it is looked at what they
        serve. Whatever is closed in between would count as served until the next time.
        """

    def reckon(self, served: Mapping[int, Served], now: float) -> None:
        """
        Tell the program what there is to do, of all that may be chosen; 20 times a second
        or so.

        @param now: In seconds.
        """

    def newClosings(self, index: int) -> int | None:
        """
        What a worker that is given a socket may be given as well, so that the program
        knows at once of what it closes: for L{twisted_cluster.wire.closings.Closings}.
        Who had the socket before counts no more.

        @return: A descriptor, which stays the group's; L{None}: the program does not
            ask, or the system has none now.
        """

    def close(self) -> None:
        """
        Let go of what is the program's; it goes on while a socket listens.
        """


def lockOnce(
    index: int, member: socket.socket, members: dict[int, socket.socket]
) -> None:
    """
    Let nobody attach programs by a socket; but who has it by now may keep it locked in
    another sense, and the primary waiting.

    @param members: Those that are locked already.
    """
    if members.get(index) is not member:
        lock(member)
        members[index] = member


def because(error: Exception) -> str:
    """
    Why the system refuses, or what is wrong with a program.
    """
    if not isinstance(error, OSError):
        return f"the program is none: {error!r}"
    if error.errno == errno.EPERM:
        return "it takes CAP_BPF"
    return os.strerror(error.errno or 0)
