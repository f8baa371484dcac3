"""
Who wants to know what becomes of workers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted_cluster.core.messages import Listening

if TYPE_CHECKING:
    from twisted_cluster.primary.lives.worker_process import WorkerProcess


class Watcher:
    """
    Each method is told of one thing that happened; none need be filled in.
    """

    def born(self, worker: WorkerProcess) -> None:
        """
        Its process is there, and about to run its application.
        """

    def online(self, worker: WorkerProcess) -> None:
        """
        Its application has started.
        """

    def listening(self, worker: WorkerProcess, where: Listening) -> None:
        """
        It listens somewhere.
        """

    def leaving(self, worker: WorkerProcess, planned: bool) -> None:
        """
        It ends without having been told to by this process.

        @param planned: Whether it wants that itself.
        """

    def disconnected(self, worker: WorkerProcess) -> None:
        """
        It can be told nothing more, and has nothing more to say.
        """

    def gone(self, worker: WorkerProcess, asked: bool) -> None:
        """
        The process has ended.

        @param asked: Whether it was to.
        """
