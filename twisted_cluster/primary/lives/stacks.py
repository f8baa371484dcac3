"""
Where a worker is: the stack of every thread, whatever it does.
"""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from io import FileIO
from typing import Protocol

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure

from twisted_cluster.core.process_status import ProcessStatus
from twisted_cluster.core.visible import visible
from twisted_cluster.errors import CommandError
from twisted_cluster.reactors import IPollingReactor
from twisted_cluster.wire.page import Page
from twisted_cluster.wire.reader import Reader

# A worker that has a CPU writes it within milliseconds. Nothing says that this is all:
# who writes no more for a moment has written it.
LIMIT = 1.0
QUIET = 0.05
# A hundred threads, which is as many as are told, with all their frames; it must not have
# to wait, for what does not fit is lost, and the main thread comes last.
LARGEST = 1 << 20
USUAL = 1 << 16
# Nobody can catch these, whatever a worker says.
DEADLY = {signal.SIGKILL, signal.SIGSTOP}


class Process(Protocol):
    """
    Who is asked.
    """

    @property
    def pid(self) -> int | None: ...

    def signal(self, number: int) -> None: ...


class Stacks:
    """
    Asks one worker where it is.
    """

    def __init__(
        self, reactor: IPollingReactor, end: FileIO, page: Page, process: Process
    ) -> None:
        """
        @param end: This process's end of the pipe; closing it is somebody else's affair.
        """
        self._reactor = reactor
        self._end = end
        self._page = page
        self._process = process
        self._waiting: list[Deferred[str]] = []
        self._come = b""
        self._calls: list[IDelayedCall] = []
        fileno: Callable[[], int] = lambda: -1 if end.closed else end.fileno()  # noqa: E731
        self._reader = Reader(reactor, fileno, self._read, "a worker's stacks")

    def ask(self) -> Deferred[str]:
        """
        @return: Fires within L{LIMIT}; fails with a L{CommandError} that says why there
            is nothing to see.
        """
        if not self._waiting:
            # Read once: the worker may write another one meanwhile.
            number = self._page.stacks
            why = self._whyNot(number)
            if why:
                return fail(CommandError(why))
            self._begin(number)
        asked: Deferred[str] = Deferred()
        self._waiting.append(asked)
        return asked

    @property
    def isTraced(self) -> bool:
        """
        Whether the system says that a debugger looks at it.
        """
        status = statusOf(self._process.pid or 0)
        return status is not None and status.tracer > 0

    def close(self) -> None:
        """
        The worker is gone.
        """
        if self._waiting:
            with suppress(OSError):
                self._take()
            self._finish()

    def _whyNot(self, number: int) -> str:
        if self._end.closed or self._process.pid is None:
            return "there is no process"
        status = statusOf(self._process.pid)
        if status is not None and status.isGone:
            # The process may go on: the system keeps others that cannot be killed.
            return "its first thread has ended"
        if status is not None and status.isStopped:
            # It would write when it goes on, and be somewhere else then.
            by = f"a debugger, pid {status.tracer}" if status.tracer else "a signal"
            return f"it has been stopped by {by}"
        isSignal = number in signal.valid_signals() and number not in DEADLY
        if not isSignal or (status is not None and not status.catches(number)):
            # What it does not catch would end it.
            return "it cannot tell where it is"
        return ""

    def _begin(self, number: int) -> None:
        with suppress(OSError):
            # What has come too late, of the last time.
            self._take()
        self._come = b""
        self._resize(LARGEST)
        self._reader.start()
        self._calls = [self._reactor.callLater(LIMIT, self._finish)]
        self._process.signal(number)

    def _read(self) -> None:
        self._take()
        if len(self._come) == LARGEST:
            # As much as nobody has to tell: who writes without end is not read on.
            self._finish()
            return
        self._cancelAfter(1)
        self._calls.append(self._reactor.callLater(QUIET, self._finish))

    def _take(self) -> None:
        data = os.read(self._end.fileno(), LARGEST)
        self._come = (self._come + data)[:LARGEST]
        if not data:
            self._reader.stop()

    def _cancelAfter(self, kept: int) -> None:
        for call in self._calls[kept:]:
            if call.active():
                call.cancel()
        del self._calls[kept:]

    def _finish(self) -> None:
        self._reader.stop()
        self._cancelAfter(0)
        self._resize(USUAL)
        waiting, self._waiting = self._waiting, []
        # Whoever is shown it may sit at a terminal, which a worker does not steer.
        text = visible(self._come.decode("utf-8", "backslashreplace").strip())
        for each in waiting:
            if text:
                each.callback(text)
            else:
                why = f"it has not told where it is within {LIMIT:g} s"
                each.errback(Failure(CommandError(why)))

    def _resize(self, size: int) -> None:
        if hasattr(fcntl, "F_SETPIPE_SZ"):
            # There is a limit to what all pipes of a user may have.
            with suppress(OSError, ValueError):
                fcntl.fcntl(self._end, fcntl.F_SETPIPE_SZ, size)


def statusOf(pid: int) -> ProcessStatus | None:
    """
    @return: What the system says of a process; L{None} if it says nothing.
    """
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
            return ProcessStatus.parse(file.read())
    except (OSError, ValueError):
        return None
