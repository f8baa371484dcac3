"""
What a cluster can be told to do.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from twisted_cluster.core.snapshot import Snapshot

# Is told, in a line each, how far it is.
Progress = Callable[[str], object]


class Verbs(Protocol):
    """
    What a cluster can be told to do. What is awaited is done when it comes back; it fails
    with L{twisted_cluster.errors.CommandError} if it cannot be done, whose text is for
    who has asked.
    """

    def snapshot(self) -> Snapshot:
        """
        What there is just now.
        """

    def reload(
        self,
        *,
        directory: str | None = None,
        step: str | None = None,
        canary: str | None = None,
        seconds: float = 30.0,
        missingPorts: bool = False,
        progress: Progress,
    ) -> Awaitable[None]:
        """
        Replace all workers by new ones.

        @param directory: Where the new ones are to run.
        @param step: How many at a time: C{"2"}, or C{"25%"}.
        @param canary: How many are tried first, as C{step}, for so many C{seconds}.
        @param missingPorts: Whether new ones may listen elsewhere than those before.
        """

    def scale(self, count: int | str, progress: Progress) -> Awaitable[None]:
        """
        So many workers there are to be.

        @param count: A number, or a range: C{"2-8"}.
        """

    def drain(self, id: int, progress: Progress) -> Awaitable[None]:
        """
        Replace one worker, and let it finish what it serves.
        """

    def kill(self, id: int) -> Awaitable[None]:
        """
        Kill one worker, and replace it.
        """

    def stacks(self, id: int) -> Awaitable[str]:
        """
        @return: What each thread of a worker is at.
        """

    def setPolicy(self, text: str, port: str | None = None) -> Awaitable[None]:
        """
        Who serves new connections, as C{--policy} takes it.

        @param port: Of one port alone, as it is listed: C{"tcp:8080"}, or C{"8080"}.
        """

    def stop(self, progress: Progress) -> Awaitable[None]:
        """
        End, with grace.
        """

    def stopNow(self) -> Awaitable[None]:
        """
        End: what is served is cut.
        """
