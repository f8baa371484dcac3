"""
What a worker's first descriptors are, as whoever spawns it sees them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from twisted.internet.protocol import ProcessProtocol


class StandardStreams(Protocol):
    """
    Takes care of a worker's standard streams, and whatever comes right behind them.
    """

    def childFDs(self) -> dict[int, int | str]:
        """
        What C{spawnProcess} is to give the worker.
        """

    def spawned(self, process: ProcessProtocol) -> None:
        """
        The worker has its own copies, or there is no worker.
        """

    def received(self, fd: int, data: bytes) -> None:
        """
        The worker has written to a pipe of the reactor's.
        """

    def closed(self, fd: int) -> None:
        """
        The worker has closed a pipe of the reactor's.
        """

    def outlive(self, ended: Callable[[], None]) -> bool:
        """
        The worker is gone.

        @param ended: Called when nobody else has its streams any more.
        @return: Whether somebody has: what they write is read on until L{finish}, and
            C{ended} is called, unless that comes first.
        """

    def finish(self) -> None:
        """
        The worker is gone, and nobody else is listened to.
        """
