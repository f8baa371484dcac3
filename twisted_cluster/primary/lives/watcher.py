"""
Who wants to know what becomes of workers.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from twisted_cluster.core.messages import Listening

W = TypeVar("W")


class Watcher(Generic[W]):
    """
    Each method is told of one thing that happened; none need be filled in.
    """

    def born(self, worker: W) -> None:
        """
        Its process is there, and about to run its application.
        """

    def online(self, worker: W) -> None:
        """
        Its application has started.
        """

    def listening(self, worker: W, where: Listening) -> None:
        """
        It listens somewhere.
        """

    def told(self, worker: W) -> None:
        """
        Somebody else has told it to end, by a signal; it waits for who is told of it
        here to retire or release it.
        """

    def leaving(self, worker: W, planned: bool) -> None:
        """
        It ends without having been told to by this process.

        @param planned: Whether it wants that itself.
        """

    def disconnected(self, worker: W) -> None:
        """
        It can be told nothing more, and has nothing more to say.
        """

    def gone(self, worker: W, asked: bool) -> None:
        """
        The process has ended.

        @param asked: Whether it was to.
        """
