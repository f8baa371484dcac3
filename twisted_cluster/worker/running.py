"""
How a worker runs what it is given: as twistd does, but for where its log goes.
"""

from __future__ import annotations

import os
import signal
import socket
import traceback
from collections.abc import Mapping
from functools import partial

from twisted.application import app
from twisted.application.service import IServiceCollection
from twisted.internet.error import CannotListenError
from twisted.logger import (
    ILogObserver,
    LogEvent,
    LogLevel,
    LogPublisher,
    globalLogPublisher,
)
from twisted.python.failure import Failure
from twisted.scripts._twistd_unix import UnixAppLogger
from zope.interface import implementer

from twisted_cluster.errors import StartError
from twisted_cluster.reactors import theReactor
from twisted_cluster.wire.descriptors import LOG, Announcement
from twisted_cluster.worker.link import Link
from twisted_cluster.worker.logs import RecordWriter
from twisted_cluster.worker.manners.services import servicesOf
from twisted_cluster.worker.placed import PlacedRunner
from twisted_cluster.worker.signals import leaveToPrimary, letPrimaryDecide
from twisted_cluster.worker.starting import noted

# The bootstrap, too, which is no file.
OURS = (
    *(os.path.dirname(os.path.dirname(one)) + os.sep for one in (__file__, app.__file__)),
    "<string>",
)
LOGGER = f"{UnixAppLogger.__module__}.{UnixAppLogger.__name__}"


@implementer(ILogObserver)
class OwnLines:
    """
    Tells the primary everything; but what twistd itself says at the start and the end of
    each process is worth a line of many only to who looks for it.
    """

    def __init__(self, told: ILogObserver, options: Mapping[str, object]) -> None:
        """
        @param told: Who is told.
        @param options: twistd's.
        """
        self._told = told
        given = (options.get(name) for name in ("python", "source", "file"))
        self._texts = {f"Loading {file}..." for file in given} | {"Loaded."}

    def __call__(self, event: LogEvent) -> None:
        namespace = event.get("log_namespace")
        if namespace == LOGGER or (
            namespace == "log_legacy" and event.get("log_text") in self._texts
        ):
            event = {**event, "log_level": LogLevel.debug}
        self._told(event)


class WorkerLogger(UnixAppLogger):
    """
    The application's own observer gets what it gets from twistd. The primary is told
    besides.
    """

    def __init__(self, options: Mapping[str, object]) -> None:
        super().__init__(options)  # type: ignore[no-untyped-call]
        self._options = options
        self._told = announcement()
        if not self._told.ownObserver:
            # As one that twistd was given.
            self._observerFactory = LogPublisher

    def start(self, application: IServiceCollection) -> None:
        """
        Begin to log.
        """
        # Just before: it gets what has been logged until now with the others, and
        # before an observer that adds something to an event.
        globalLogPublisher.addObserver(OwnLines(_records(self._told), self._options))
        super().start(application)  # type: ignore[no-untyped-call]
        link().departure.services = partial(servicesOf, application)

    def _getLogObserver(self) -> ILogObserver:
        # As twistd: whoever has asked for the signal has it.
        if self._told.rotates and not signal.getsignal(signal.SIGUSR1):
            signal.signal(signal.SIGUSR1, letPrimaryDecide)
        # Where the application has none there is no other.
        return LogPublisher()


# It signs what it says with its name.
WorkerLogger.__module__ = UnixAppLogger.__module__
WorkerLogger.__name__ = UnixAppLogger.__name__


class WorkerRunner(PlacedRunner):
    """
    Runs an application as twistd does, but for what its services return when they are
    started: until that is done this worker is not ready.
    """

    loggerFactory = WorkerLogger

    def startApplication(self, application: IServiceCollection) -> None:
        """
        Start all services.
        """
        with noted() as found:
            super().startApplication(application)  # type: ignore[no-untyped-call]
        leaveToPrimary()
        for start in found:
            link().readiness.hold(start)


def runApp(options: Mapping[str, object]) -> None:
    """
    @raise StartError: If a plugin of Twisted's cannot listen: where in Twisted that was
        tells nobody more.
    @see: L{twisted.scripts.twistd.runApp}
    """
    runner = WorkerRunner(options)  # type: ignore[no-untyped-call]
    try:
        runner.run()  # type: ignore[no-untyped-call]
    except CannotListenError as error:
        if _hasUsersCode(error):
            raise
        raise StartError(f"twistd cluster: CannotListenError: {error}") from None
    failure = link().readiness.failure
    if failure is not None:
        raise _failed(failure)
    if runner._exitSignal is not None:
        app._exitWithSignal(runner._exitSignal)


def _failed(failure: Failure) -> StartError:
    """
    @return: What is raised for a start that has failed after its reactor ran.
    """
    if isinstance(failure.value, StartError):
        return failure.value
    # What it was is said once more, in the line that is read if only one is.
    why = f"{type(failure.value).__name__}: {failure.getErrorMessage()}"
    trace = failure.getTraceback()
    return StartError(f"{trace}twistd cluster: the application cannot start: {why}")


def _hasUsersCode(error: BaseException) -> bool:
    """
    Whether anything but Twisted, and this package, has a part in it.
    """
    frames = traceback.extract_tb(error.__traceback__)
    return not all(frame.filename.startswith(OURS) for frame in frames)


def announcement() -> Announcement:
    """
    @return: What this worker was told at birth.
    """
    return link().told


def link() -> Link:
    """
    @return: This worker's wires.
    """
    there: Link = theReactor().clusterLink  # type: ignore[attr-defined]
    return there


def _records(told: Announcement) -> RecordWriter:
    end = socket.socket(fileno=told.first + LOG)
    return RecordWriter(end, told.logLevel)
