"""
One process: its start, signals to it, its exit.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.error import ProcessExitedAlready
from twisted.internet.interfaces import IDelayedCall, IReactorProcess, IReactorTime
from twisted.internet.process import reapAllProcesses
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_cluster.primary.lives.launching import encoded, launching, spawn
from twisted_cluster.primary.lives.recipe import Recipe
from twisted_cluster.primary.lives.signals import TOLD, nameOf
from twisted_cluster.primary.lives.streams import StandardStreams
from twisted_cluster.primary.lives.warm.templates import Templates

log = Logger()

# Seconds in which memory is written down.
ABORTING = 3.0
# Who is killed is gone within milliseconds; a second or two, where it has much memory. No
# signal ends who waits in the kernel for what never comes: a file system that it serves
# itself, or another machine's.
LEAVING = 5.0


class Child(ProcessProtocol):
    """
    @ivar pid: The process, or L{None} before.
    @ivar exitCode: What it ended with, or L{None}.
    @ivar exitSignal: The name of the signal that ended it, or L{None}.
    @ivar isKilled: Whether it was told to end now.
    @ivar isLeft: Whether the system cannot kill it, so that it is as good as gone.
    """

    pid: int | None = None
    exitCode: int | None = None
    exitSignal: str | None = None
    isKilled = False
    isLeft = False

    def __init__(
        self,
        clock: IReactorTime,
        streams: StandardStreams,
        exited: Callable[[], None],
    ) -> None:
        """
        @param clock: Counts the seconds that it may take to be gone.
        @param streams: What it reads and writes.
        @param exited: Called when it is gone, or left behind.
        """
        self._clock = clock
        self._streams = streams
        self._exited = exited
        self._signal: int | None = None
        self._calls: dict[Callable[[], None], IDelayedCall] = {}
        # Signals that were sent to it before there was a process.
        self._unsent: list[int] = []

    def start(
        self,
        reactor: IReactorProcess,
        templates: Templates,
        recipe: Recipe,
        environment: Mapping[str, str],
        childFDs: Mapping[int, int | str],
    ) -> None:
        """
        Run what the recipe says, where and as whom it says.

        @param templates: Fork it, where they can.
        @raise OSError: If the system has no room for one more, or there is no way to
            where it is to run.
        """
        command = list(map(os.fsencode, recipe.argv()))
        env = encoded(environment)
        with launching(recipe) as where:
            asked = recipe, command, env, where, childFDs
            process: Any = templates.fork(self, *asked) or spawn(reactor, self, *asked)
        self.pid = process.pid
        for number in self._unsent:
            self.signal(number)

    def signal(self, number: int) -> None:
        """
        Send a signal. A process that has ended already is let be; one that has not begun
        gets it when it does.
        """
        if self.transport is None:
            self._unsent.append(number)
            return
        try:
            self.transport.signalProcess(number)
        except ProcessExitedAlready:
            return
        if number == signal.SIGKILL:
            self._later(LEAVING, self._leave)

    def abort(self) -> None:
        """
        End it, and leave what is to be found out from its memory, where the system keeps
        that; a moment later end it whatever becomes of that.
        """
        self.isKilled = True
        self.signal(signal.SIGABRT)
        self._later(ABORTING, self.kill)

    def kill(self) -> None:
        """
        End it now.
        """
        self.isKilled = True
        self.signal(signal.SIGKILL)

    @property
    def isTold(self) -> bool:
        """
        Whether it was ended by a signal that tells a process to end.
        """
        return self._signal in TOLD

    def childDataReceived(self, fd: int, data: bytes) -> None:
        """
        It has written to a pipe.
        """
        self._streams.received(fd, data)

    def childConnectionLost(self, fd: int) -> None:
        """
        It has closed a pipe.
        """
        self._streams.closed(fd)

    def processExited(self, reason: Failure) -> None:
        """
        It is gone.
        """
        self._endCalls()
        status: Any = reason.value
        self._signal = status.signal
        self.exitCode = status.exitCode if status.signal is None else None
        self.exitSignal = nameOf(status.signal)
        self._exited()

    def _leave(self) -> None:
        """
        It is not waited for any longer. Its exit may come all the same.
        """
        # This process may have been stopped itself: the exit may be there already.
        reapAllProcesses()
        if not self._calls:
            return
        self._endCalls()
        self.isLeft = True
        exited, self._exited = self._exited, self._hasEndedAfterAll
        exited()

    def _hasEndedAfterAll(self) -> None:
        log.info("process {pid}, which was left behind, has ended", pid=self.pid)

    def _later(self, seconds: float, call: Callable[[], None]) -> None:
        if not self.isLeft and call not in self._calls:
            self._calls[call] = self._clock.callLater(seconds, call)

    def _endCalls(self) -> None:
        calls, self._calls = self._calls, {}
        for call in calls.values():
            if call.active():
                call.cancel()
