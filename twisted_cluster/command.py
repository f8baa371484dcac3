"""
The cluster as a command: what a whole process does for one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import SupportsIndex

from twisted.internet.interfaces import IReactorCore
from twisted.logger import ILogObserver, Logger
from twisted.python.components import Componentized

from twisted_cluster.errors import StartError
from twisted_cluster.logs.observer import LineObserver, sayError
from twisted_cluster.primary.config import ClusterConfig
from twisted_cluster.primary.service import ClusterService
from twisted_cluster.reactors import IClusterReactor
from twisted_cluster.wire.limit import raiseLimit

log = Logger()


class ExitStatus(SupportsIndex):
    """
    Stands in a reactor for the signal that it was stopped by. By that twistd ends when
    all is done; by this it cannot, and exits with a status instead. It has no other way
    to do that.
    """

    def __init__(self, status: int) -> None:
        self._status = status

    def __index__(self) -> int:
        raise SystemExit(self._status)


class CommandService(ClusterService):
    """
    The service of C{twistd cluster}: it has the process to itself.
    """

    def __init__(
        self,
        reactor: IClusterReactor,
        config: ClusterConfig,
        observer: LineObserver | None = None,
    ) -> None:
        """
        @param observer: What is to write the log; L{None}: somebody else's affair.
        """
        super().__init__(reactor, config)
        self._observer = observer
        self._status: ExitStatus | None = None
        self._process = reactor
        # A cluster that has drained is a success, whatever it was stopped by.
        reactor.addSystemEventTrigger("after", "shutdown", self._setStatus)

    def setServiceParent(self, parent: object) -> None:
        """
        Become part of an application, whose log is the cluster's.
        """
        super().setServiceParent(parent)
        if self._observer is not None and isinstance(parent, Componentized):
            # Where twistd looks for it, unless it was told of another one.
            parent.setComponent(ILogObserver, self._observer)

    def privilegedStartService(self) -> None:
        """
        Bind the ports, while we may.

        @raise StartError: If one cannot be bound; none stays bound.
        """
        raiseLimit(self._process)
        try:
            super().privilegedStartService()
        except OSError as error:
            why = f"cannot listen on {error.filename}: {error.strerror}"
            log.critical("{why}", why=why)
            failed = StartError(f"twistd cluster: {why}")
            if not self._isLogSeen:
                sayError(str(failed))
            # What an exit says would come to the log again; a daemon's starter is told
            # by twistd.
            failed.code = 1
            raise failed from None

    def startService(self) -> None:
        """
        Start the workers.
        """
        self.whenGivenUp().addCallback(self._fail)
        super().startService()

    def _fail(self, lastWords: Sequence[str]) -> None:
        """
        No worker can start: say why at the terminal, which may not be where the log is
        read, and exit as the worker did.
        """
        if not self._isLogSeen:
            sayError("\n".join(lastWords))
        self._status = ExitStatus(self.supervisor.lastCode)
        stop: IReactorCore = self._process
        stop.callWhenRunning(stop.stop)

    @property
    def _isLogSeen(self) -> bool:
        """
        Whether what is logged comes to where errors are written.
        """
        return self._observer is not None and self._observer.writesTo(2)

    def _setStatus(self) -> None:
        self._process._exitSignal = self._status  # type: ignore[attr-defined]
