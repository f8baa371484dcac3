"""
The cluster as a command: what a whole process does for one.
"""

from __future__ import annotations

import gc
from collections.abc import MutableMapping, Sequence
from contextlib import suppress
from typing import NoReturn, SupportsIndex

from twisted.internet.defer import Deferred
from twisted.internet.error import ReactorNotRunning
from twisted.internet.interfaces import IReactorCore
from twisted.logger import ILogObserver, Logger
from twisted.python.components import Componentized

from twisted_cluster.errors import ControlTakenError, StartError
from twisted_cluster.logs.observer import LineObserver, sayError
from twisted_cluster.primary.config import ClusterConfig
from twisted_cluster.primary.service import ClusterService
from twisted_cluster.primary.signals.answers import Answers, hasTerminal
from twisted_cluster.primary.signals.taken import TakenSignals
from twisted_cluster.reactors import IClusterReactor
from twisted_cluster.starter import Starter
from twisted_cluster.wire.limit import raiseLimit
from twisted_cluster.wire.repeating import Repeating

log = Logger()

# Seconds: nobody is in a hurry who sends a signal that means a fault.
LOOK = 1.0


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
        twistd: MutableMapping[str, object] | None = None,
    ) -> None:
        """
        @param observer: What is to write the log; L{None}: somebody else's affair.
        @param twistd: Its options, if it is twistd that runs this.
        """
        super().__init__(reactor, config)
        self._observer = observer
        self._starter = Starter(self.rooms.reactor, self.snapshot, twistd)
        answers = Answers(self, self._stopProcess, config.rules.onHup, hasTerminal())
        self._signals = TakenSignals(reactor, answers.answer)
        self._looking = Repeating(
            self.rooms.reactor, self._signals.look, LOOK, "the look at blocked signals"
        )
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
            self._refuse(f"cannot listen on {error.filename}: {error.strerror}")
        except ControlTakenError as error:
            self._refuse(str(error))

    def _refuse(self, why: str) -> NoReturn:
        log.critical("{why}", why=why)
        failed = StartError(f"twistd cluster: {why}")
        if not self._isLogSeen:
            sayError(str(failed))
        # What an exit says would come to the log again; a daemon's starter is told by
        # twistd.
        failed.code = 1
        raise failed from None

    def startService(self) -> None:
        """
        Start the workers.
        """
        self.whenGivenUp().addCallback(self._fail)
        self._starter.begin()
        self._looking.start()
        if self._observer is not None and self.rooms.guardian is not None:
            self.rooms.guardian.log = self._observer.place
            self.rooms.guardian.format = self._observer.format
        super().startService()
        # What is loaded by now is no rubbish until the end. Else Python looks through all
        # of it, for 25 ms, whenever enough has come since, as when a worker talks much.
        gc.freeze()

    def takeSignals(self) -> None:
        """
        Take the signals of this process.
        """
        self._signals.take()

    def stopNow(self) -> Deferred[None]:
        """
        End at once, with the process: what is served is cut.
        """
        done = super().stopNow()
        self._stopProcess()
        return done

    def reopenLogs(self) -> Deferred[None]:
        """
        Rotate the log, or open it again where it has been moved; so do workers.
        """
        if self._observer is not None:
            self._observer.rotate()
        return super().reopenLogs()

    def _beginStop(self) -> None:
        stop: IReactorCore = self._process
        # As a signal would, which may have come already.
        if stop.running and self.running:
            stop.stop()

    def _fail(self, lastWords: Sequence[str]) -> None:
        """
        No worker can start: say why at the terminal, which may not be where the log is
        read, and exit as the worker did.
        """
        if not self._isLogSeen:
            sayError("\n".join(lastWords))
        self._starter.tell(lastWords[-1] if lastWords else "")
        self._status = ExitStatus(self.supervisor.remains.code)
        self._stopProcess()

    def _stopProcess(self) -> None:
        process: IReactorCore = self._process
        process.callWhenRunning(_stop, process)

    @property
    def _isLogSeen(self) -> bool:
        """
        Whether what is logged comes to where errors are written.
        """
        return self._observer is not None and self._observer.writesTo(2)

    def _setStatus(self) -> None:
        self._process._exitSignal = self._status  # type: ignore[attr-defined]


def _stop(process: IReactorCore) -> None:
    # It may stop already.
    with suppress(ReactorNotRunning):
        process.stop()
