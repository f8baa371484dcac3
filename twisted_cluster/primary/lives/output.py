"""
What workers write, line by line, into the primary's log.
"""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IReactorFDSet, IReadDescriptor
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger, LogLevel
from zope.interface import implementer

from twisted_cluster.core.messages import RECORD

log = Logger()
LONGEST = 65536
TAIL = 100
LEVELS = {level.name: level for level in LogLevel.iterconstants()}


@implementer(IReadDescriptor)
class Output:
    """
    One worker's standard output and error: log records and stray lines.

    @ivar tail: The last complaints, while L{keep} is on.
    @ivar keep: Whether to keep complaints instead of logging stray lines: until the
        worker is up they are what the person at the terminal has to read.
    """

    def __init__(self, reactor: IReactorFDSet, name: Callable[[], str]) -> None:
        """
        @param name: Says which worker this is.
        """
        self._fd, self._writing = os.pipe()
        self._nothing = os.open(os.devnull, os.O_RDONLY)
        os.set_blocking(self._fd, False)
        self._reactor = reactor
        self._name = name
        self._rest = b""
        self.keep = True
        self.tail: deque[str] = deque(maxlen=TAIL)
        reactor.addReader(self)

    def childFDs(self) -> dict[int, Any]:
        """
        What C{spawnProcess} is to give the worker.
        """
        return {0: self._nothing, 1: self._writing, 2: self._writing}

    def spawned(self, process: ProcessProtocol) -> None:
        """
        The worker has its own copies, or there is no worker.
        """
        os.close(self._writing)
        os.close(self._nothing)

    def fileno(self) -> int:
        return self._fd

    def logPrefix(self) -> str:
        return self._name()

    def doRead(self) -> None:
        """
        The reactor says that something was written.
        """
        self._readOnce()

    def connectionLost(self, reason: object) -> None:
        """
        The reactor says that the pipe is closed.
        """

    def finish(self) -> None:
        """
        The worker is gone: read what is left, and close the pipe.
        """
        if self._fd < 0:
            return
        while self._readOnce():
            pass
        if self._rest:
            self._line(self._rest)
        self._reactor.removeReader(self)
        os.close(self._fd)
        self._fd = -1

    def release(self) -> None:
        """
        The worker is up: log what was kept, and keep nothing more.
        """
        self.keep = False
        while self.tail:
            self._emit(LogLevel.info, self.tail.popleft(), "-")

    def _readOnce(self) -> bool:
        try:
            data = os.read(self._fd, LONGEST)
        except BlockingIOError:
            return False
        if not data:
            self._reactor.removeReader(self)
            return False
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._line(line)
        if len(self._rest) > LONGEST:
            self._line(self._rest)
            self._rest = b""
        return True

    def _line(self, line: bytes) -> None:
        stray, mark, record = line.partition(RECORD)
        if stray:
            text = stray.decode("utf-8", "backslashreplace")
            if self.keep:
                self.tail.append(text)
            else:
                self._emit(LogLevel.info, text, "-")
        if mark:
            self._record(record)

    def _record(self, record: bytes) -> None:
        try:
            level, system, text = json.loads(record)
            known = LEVELS[level]
        except (ValueError, TypeError, KeyError):
            known, system, text = LogLevel.info, "-", repr(record[:LONGEST])
        if self.keep and known >= LogLevel.error:
            self.tail.append(str(text))
        else:
            self._emit(known, str(text), str(system))

    def _emit(self, level: Any, text: str, system: str) -> None:
        where = self._name() if system == "-" else f"{self._name()} {system}"
        log.emit(level, "{text}", text=text, log_system=where)
