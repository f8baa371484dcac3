"""
What a reactor reads.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IReadDescriptor
from zope.interface import implementer


@implementer(IReadDescriptor)
class Reader:
    """
    Calls a function when a descriptor can be read. Closing it is somebody else's.
    """

    def __init__(self, fileno: Callable[[], int], doRead: Callable[[], None]) -> None:
        self.fileno = fileno
        self.doRead = doRead

    def connectionLost(self, reason: object) -> None:
        """
        The reactor says that the descriptor is broken.
        """

    def logPrefix(self) -> str:
        """
        What the log calls it.
        """
        return "cluster"
