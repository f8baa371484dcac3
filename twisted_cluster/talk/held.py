"""
Listening sockets that only the primary holds: what travels is their number.
"""

from __future__ import annotations

from typing import Protocol

from attrs import frozen

from twisted_cluster.errors import HandleError
from twisted_cluster.talk.handles import Handle


class HeldPorts(Protocol):
    """
    How one process knows them.
    """

    def numberOf(self, fd: int) -> int:
        """
        @return: The number of the listener whose socket a descriptor is; 0 if it is of
            none.
        """

    def described(self, number: int) -> bytes:
        """
        @return: What the other process is told of one.
        """

    def handleOf(self, number: int, description: bytes) -> Handle:
        """
        @raise HandleError: If there is no such listener any more.
        """


@frozen
class NoPorts:
    """
    There are none.
    """

    def numberOf(self, fd: int) -> int:
        return 0

    def described(self, number: int) -> bytes:
        return b""

    def handleOf(self, number: int, description: bytes) -> Handle:
        raise HandleError(f"there is no listener {number}")
