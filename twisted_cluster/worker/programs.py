"""
Programs that a worker starts, once it has raised its limit of descriptors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, AnyStr, cast

from twisted.internet.interfaces import IProcessProtocol, IProcessTransport
from twisted.internet.posixbase import PosixReactorBase
from twisted.internet.process import Process, PTYProcess

from twisted_cluster.wire.limit import changeLimit
from twisted_cluster.worker.link import Link


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
        super().__init__(*given)

    def _trySpawnInsteadOfFork(self, *given: object) -> bool:
        return False

    def _execChild(self, *given: Any) -> None:
        changeLimit(self._limit)
        super()._execChild(*given)


class LimitedPTYProcess(PTYProcess):
    """
    The same, at a terminal of its own.
    """

    def __init__(self, limit: int, *given: Any) -> None:
        self._limit = limit
        super().__init__(*given)

    def _execChild(self, *given: Any) -> None:
        changeLimit(self._limit)
        super()._execChild(*given)


class SpawningMixin(PosixReactorBase):
    """
    What a posix reactor does differently where it starts programs.
    """

    clusterLink: Link

    def spawnProcess(
        self,
        processProtocol: IProcessProtocol,
        executable: str | bytes,
        args: Sequence[str | bytes] = (),
        env: Mapping[AnyStr, AnyStr] | None = {},
        path: str | bytes | None = None,
        uid: int | None = None,
        gid: int | None = None,
        usePTY: bool | tuple[int, int, str] = False,
        childFDs: Mapping[int, int | str] | None = None,
    ) -> IProcessTransport:
        limit = self.clusterLink.descriptors.forPrograms
        given = (executable, args, env, path)
        if limit is None or (usePTY and childFDs is not None):
            made = super().spawnProcess(
                processProtocol, *given, uid, gid, usePTY, childFDs
            )
        elif usePTY:
            made = LimitedPTYProcess(
                limit, self, *given, processProtocol, uid, gid, usePTY
            )
        else:
            made = LimitedProcess(
                limit, self, *given, processProtocol, uid, gid, childFDs
            )
        return cast(IProcessTransport, made)
