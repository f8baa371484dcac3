"""
Programs that a worker starts, once it has raised its limit of descriptors.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.process import Process, PTYProcess

from twisted_cluster.wire.limit import changeLimit


class LimitedProcess(Process):
    """
    A process which has fewer descriptors than this one. That can be said only between
    fork and exec, after all that is not its own has been closed: to find out what is open
    takes a descriptor.
    """

    def __init__(self, limit: int, *given: Any) -> None:
        """
        @param limit: How many.
        @param given: What Twisted's own takes.
        """
        self._limit = limit
        super().__init__(*given)  # type: ignore[no-untyped-call]

    def _trySpawnInsteadOfFork(self, *given: object) -> bool:
        return False

    def _execChild(self, *given: Any) -> None:
        changeLimit(self._limit)
        super()._execChild(*given)  # type: ignore[no-untyped-call]


class LimitedPTYProcess(PTYProcess):
    """
    The same, at a terminal of its own.
    """

    def __init__(self, limit: int, *given: Any) -> None:
        self._limit = limit
        super().__init__(*given)  # type: ignore[no-untyped-call]

    def _execChild(self, *given: Any) -> None:
        changeLimit(self._limit)
        super()._execChild(*given)  # type: ignore[no-untyped-call]
