"""
A worker's standard streams, as the setting C{stdio} wants them.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from functools import partial

from twisted.internet.protocol import (
    Factory,
    ProcessProtocol,
    Protocol,
    connectionDone,
)
from twisted.python.failure import Failure

from twisted_cluster.api.emitter import Emitter
from twisted_cluster.api.settings import Settings
from twisted_cluster.errors import ChannelClosedError
from twisted_cluster.primary.lives.said import Said
from twisted_cluster.reactors import IAdoptingReactor


class Stream(Emitter):
    """
    The primary's end of one of a worker's streams. Events: C{data} (bytes), C{end}.
    """

    EVENTS = {"data": 1, "end": 0}

    def __init__(self) -> None:
        super().__init__()
        self._early: list[bytes] = []
        self._write: Callable[[bytes], None] | None = None
        self._close: Callable[[], None] = lambda: None
        self._isClosed = False
        self._ended = False

    def attach(self, write: Callable[[bytes], None], close: Callable[[], None]) -> None:
        """
        The other end is there.
        """
        self._write, self._close = write, close
        for data in self._early:
            write(data)
        self._early.clear()
        if self._isClosed:
            close()

    def write(self, data: bytes) -> None:
        """
        Send the worker some bytes.

        @raise ChannelClosedError: If it has closed the stream.
        """
        if self._ended:
            raise ChannelClosedError("the process has closed this stream")
        if self._write is not None:
            self._write(data)
        elif not self._isClosed:
            self._early.append(data)

    def end(self) -> None:
        """
        The other end is closed.
        """
        if not self._ended:
            self._ended = True
            self.tell("end")

    def close(self) -> None:
        """
        Close this end, when what was written has left: of a worker that has not started
        yet, once it has.
        """
        self._isClosed = True
        if not self._ended:
            self._close()


class _Reading(Protocol):
    """
    The end of a stream that goes both ways.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def connectionMade(self) -> None:
        assert self.transport is not None
        self._stream.attach(self.transport.write, self.transport.loseConnection)

    def dataReceived(self, data: bytes) -> None:
        self._stream.tell("data", data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._stream.end()


class Streams:
    """
    Takes care of what the worker's first descriptors are.

    @ivar streams: What this process has of each, or L{None}.
    """

    def __init__(
        self, plan: Sequence[str | int], reactor: IAdoptingReactor, said: Said
    ) -> None:
        """
        @param plan: For each descriptor C{"inherit"}, C{"pipe"}, C{"ignore"}, C{"ipc"}
            (a place that stays free), or the number of one of this process.
        @param said: Hears nothing of it.
        """
        self._reactor = reactor
        self._plan = plan
        self._closing: list[int] = []
        self._pairs: dict[int, socket.socket] = {}
        self.streams = [Stream() if wanted == "pipe" else None for wanted in plan]

    def childFDs(self) -> dict[int, int | str]:
        """
        What C{spawnProcess} is to give the worker.
        """
        given: dict[int, int | str] = {}
        for fd, wanted in enumerate(self._plan):
            if isinstance(wanted, int):
                given[fd] = wanted
            elif wanted == "inherit":
                given[fd] = fd
            elif wanted == "pipe":
                given[fd] = self._pipe(fd)
            else:
                given[fd] = os.open(os.devnull, os.O_RDWR)
                self._closing.append(int(given[fd]))
        return given

    def _pipe(self, fd: int) -> int | str:
        if fd < 3:
            return "w" if fd == 0 else "r"
        ours, theirs = socket.socketpair()
        self._pairs[fd] = ours
        self._closing.append(theirs.detach())
        return self._closing[-1]

    def spawned(self, process: ProcessProtocol) -> None:
        """
        The worker has its own copies, or there is no worker.
        """
        for fd in self._closing:
            os.close(fd)
        self._closing.clear()
        transport = process.transport
        stdin = self.streams[0]
        if stdin is not None and transport is not None:
            write = partial(transport.writeToChild, 0)
            stdin.attach(write, partial(transport.closeChildFD, 0))
        for fd, ours in self._pairs.items():
            self._adopt(fd, ours, transport is not None)
        self._pairs.clear()

    def _adopt(self, fd: int, ours: socket.socket, alive: bool) -> None:
        stream = self.streams[fd]
        if alive and stream is not None:
            ours.setblocking(False)
            factory = Factory.forProtocol(lambda: _Reading(stream))
            factory.noisy = False
            self._reactor.adoptStreamConnection(ours.fileno(), socket.AF_UNIX, factory)
        ours.close()

    def received(self, fd: int, data: bytes) -> None:
        """
        The worker has written to a pipe.
        """
        stream = self.streams[fd]
        if stream is not None:
            stream.tell("data", data)

    def closed(self, fd: int) -> None:
        """
        The worker has closed a pipe.
        """
        stream = self.streams[fd]
        if stream is not None:
            stream.end()

    def outlive(self, ended: Callable[[], None]) -> bool:
        """
        What others write is read as the reactor finds it, too.
        """
        return False

    def finish(self) -> None:
        """
        The worker is gone: what it wrote is read as the reactor finds it.
        """


def planned(settings: Settings) -> list[str | int]:
    """
    @return: The plan that the settings C{stdio} and C{silent} ask for.
    """
    stdio = settings.get("stdio")
    if stdio is None:
        stdio = "pipe" if settings.get("silent") else "inherit"
    return [stdio] * 3 if isinstance(stdio, str) else list(stdio)
