"""
Who ends workers that outlive this process, whatever they do: another process, for what
keeps the interpreter's lock, or defies signals, lets nothing else be done in its own.
"""

from __future__ import annotations

import os
import pkgutil
import signal
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial

from attrs import frozen
from twisted.internet.interfaces import IReactorProcess, IReactorTime
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_cluster.primary.lives.signals import deafTo
from twisted_cluster.reactors import IClusterReactor
from twisted_cluster.wire.handoff import KIND

log = Logger()
PROGRAM = "guarding.py"
CHANNEL = 3
# Without its site packages, and whatever the environment says: it needs nothing of them.
OPTIONS = ("-I", "-S")
# So that the interpreter finds its libraries, and the log the hour; all else is none of
# its business, and workers of its user can read it.
NEEDED = ("LD_", "DYLD_", "TZ")
# It ends when there is nobody to look after, and else not at all.
DEAF_TO = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}
# Seconds after which another one takes the place of one that somebody has ended.
AGAIN = 1.0
# One that stays for so many seconds works; so many in a row that do not never will.
LASTING = 10.0
TRIES = 5
# A worker that may not finish anything is not cut in the midst of its end.
LEAST = 0.5


@frozen
class Charge:
    """
    A worker that is looked after.

    @ivar seconds: How long it may go on without its primary.
    """

    pid: int
    name: str
    seconds: float


class _Process(ProcessProtocol):
    """
    The guardian's own.
    """

    def __init__(self, ended: Callable[[], None]) -> None:
        self._ended = ended

    def processEnded(self, reason: Failure) -> None:
        """
        It is gone.
        """
        self._ended()


class Guardian:
    """
    Started with the first worker; ends when this process does, and there is no worker.

    @ivar log: Where it tells of orphans: a descriptor's number, or the path of a file.
    @ivar format: How: C{"text"} or C{"json"}.
    @ivar tellsAll: Whether it tells more than whom it has killed.
    """

    def __init__(self, reactor: IClusterReactor) -> None:
        self.log = "2"
        self.format = "text"
        self.tellsAll = True
        self._reactor = reactor
        self._charges: dict[int, Charge] = {}
        self._channel: socket.socket | None = None
        self._executable = ""
        self._tries = 0
        self._since = 0.0
        self._isRefused = not canGuard()

    def add(self, executable: str, charge: Charge) -> None:
        """
        Look after a worker. It may be a moment until that is so.

        @param executable: Python's.
        """
        self._charges[charge.pid] = charge
        self._executable = executable
        if self._channel is None:
            self._start()
        else:
            self._tell(charge)

    def remove(self, pid: int | None, isLeft: bool = False) -> None:
        """
        A worker is gone.

        @param isLeft: Whether its process is there still, and nobody can end it.
        """
        charge = self._charges.pop(pid or 0, None)
        if charge is None or not isLeft or self._channel is None:
            return
        try:
            self._channel.send(charge.name.encode())
        except OSError as error:
            log.warn("{worker} is guarded still: {e}", worker=charge.name, e=error)

    def rest(self) -> None:
        """
        There are no workers.
        """
        self._charges.clear()
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def _start(self) -> None:
        # A second one's channel in place of the first one's would be that one's end: it
        # would take all workers for orphans.
        if self._isRefused or not self._charges or self._channel is not None:
            return
        try:
            ours, theirs = socket.socketpair(socket.AF_UNIX, KIND)
            with theirs, open(os.devnull, "rb") as nothing:
                ours.setblocking(False)
                self._channel = ours
                fds = {0: nothing.fileno(), 1: 1, 2: 2, CHANNEL: theirs.fileno()}
                self._spawn({fd: at for fd, at in fds.items() if _isOpen(at)})
        except OSError as error:
            self._refuse(error.strerror or error)
            return
        for charge in list(self._charges.values()):
            self._tell(charge)

    def _spawn(self, fds: dict[int, int]) -> None:
        process: IReactorProcess = self._reactor
        self._since = self._reactor.seconds()
        given = [*_program(), self.log, self.format, str(self.tellsAll)]
        with deafTo(DEAF_TO):
            process.spawnProcess(
                _Process(partial(self._ended, self._channel)),
                self._executable,
                [self._executable, *OPTIONS, *given],
                env=needed(os.environ),
                path="/",
                childFDs=fds,
            )

    def _tell(self, charge: Charge) -> None:
        if self._channel is None or charge.pid not in self._charges:
            return
        try:
            fd = os.pidfd_open(charge.pid)
        except ProcessLookupError:
            return
        except OSError as error:
            self._refuse(error.strerror or error)
            return
        said = f"{max(LEAST, charge.seconds):g} {charge.name}".encode()
        try:
            socket.send_fds(self._channel, [said], [fd])
        except OSError as error:
            # Of one that has ended its own end is told.
            if not isinstance(error, BrokenPipeError):
                log.warn("{worker} is not guarded: {e}", worker=charge.name, e=error)
        finally:
            os.close(fd)

    def _refuse(self, why: object) -> None:
        """
        The system does not let us: that is no reason not to serve.
        """
        self._isRefused = True
        self.rest()
        log.warn(
            "should this process be killed, workers that hang will outlive it: {why}",
            why=why,
        )

    def _ended(self, channel: socket.socket | None) -> None:
        """
        It is gone: another one takes its place, unless nobody needs one.
        """
        if self._channel is not channel or channel is None:
            return
        channel.close()
        self._channel = None
        clock: IReactorTime = self._reactor
        self._tries = 0 if clock.seconds() - self._since > LASTING else self._tries + 1
        if self._tries < TRIES:
            clock.callLater(AGAIN, self._start)
        else:
            self._refuse("their guardian does not stay")


def needed(environment: Mapping[str, str]) -> dict[str, str]:
    """
    @return: What of an environment the guardian has.
    """
    return {name: value for name, value in environment.items() if name.startswith(NEEDED)}


def canGuard() -> bool:
    """
    Whether a process can be told from a later one with the same number.
    """
    return hasattr(os, "pidfd_open") and hasattr(signal, "pidfd_send_signal")


def _isOpen(fd: int) -> bool:
    with suppress(OSError):
        os.fstat(fd)
        return True
    return False


def _program() -> list[str]:
    """
    @return: What Python is to be given: a file, or where there is none, its text.
    """
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), PROGRAM)
    if os.path.isfile(path):
        return [path]
    text = pkgutil.get_data(__package__ or "", PROGRAM) or b""
    return ["-c", text.decode()]
