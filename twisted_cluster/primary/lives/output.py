"""
What workers write on their standard output and error.
"""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import ProcessProtocol

from twisted_cluster.primary.lives.said import Said
from twisted_cluster.reactors import IPollingReactor
from twisted_cluster.wire.reader import Reader

# What a pipe holds, so that one read empties it, and the longest line.
PIPE = 65536
# To log a line takes some 50 us: so many are a turn of 1 ms, and a worker that writes
# without end delays nobody by more.
LINES = 16
# Of those whose worker is gone, for these may be many.
LINES_OF_OTHERS = 4
# What is left out takes so much less time.
LEFT_OUT = 32
# Seconds: who writes more than it may is not read for a moment, nor who has filled the
# pipe, whatever with: more than 6 MB a second nobody needs to read.
REST = 0.01
# What a worker has written when it dies is logged at once, up to so many lines; more
# come as one text.
LAST_LINES = 512
_EMPTY = re.compile(rb"\n\n+")


class Output:
    """
    One worker's standard output and error: whatever is written there is only text.
    """

    def __init__(self, reactor: IPollingReactor, said: Said, reads: bool = False) -> None:
        """
        @param said: What hears it.
        @param reads: Whether the worker reads from where this process does, and not
            from nowhere.
        """
        self._reading = _input() if reads else os.open(os.devnull, os.O_RDONLY)
        try:
            self._fd, self._writing = os.pipe()
        except BaseException:
            os.close(self._reading)
            raise
        os.set_blocking(self._fd, False)
        self._isOpen = True
        self._reactor = reactor
        self._said = said
        self._isTooMuch = False
        self._rest = b""
        self._lines: deque[bytes] = deque()
        self._next: IDelayedCall | None = None
        # There is no worker any more, but others may have its pipe.
        self._ended: Callable[[], None] | None = None
        self._reader = Reader(reactor, lambda: self._fd, self._read, "a worker's output")
        self._reader.start()

    def childFDs(self) -> dict[int, int | str]:
        """
        What C{spawnProcess} is to give the worker.
        """
        return {0: self._reading, 1: self._writing, 2: self._writing}

    def spawned(self, process: ProcessProtocol) -> None:
        """
        The worker has its own copies, or there is no worker.
        """
        os.close(self._writing)
        os.close(self._reading)

    def received(self, fd: int, data: bytes) -> None:
        """
        There are no pipes of the reactor's.
        """

    def closed(self, fd: int) -> None:
        """
        There are no pipes of the reactor's.
        """

    def outlive(self, ended: Callable[[], None]) -> bool:
        """
        The worker is gone: log what it has written, and read on what others write who
        have its pipe.

        @see: L{twisted_cluster.primary.lives.streams.StandardStreams.outlive}
        """
        with suppress(OSError):
            # A pipe full of what it wrote, and whether that is all.
            self._isOpen = self._isOpen and self._readOnce() and self._readOnce()
        if self._fd < 0 or not self._isOpen:
            self.finish()
            return False
        self._ended = ended
        if self._rest:
            self._lines.append(self._rest)
            self._rest = b""
        self._say(LAST_LINES)
        self._pause()
        self._sayOn()
        return True

    def finish(self) -> None:
        """
        The worker is gone: log what it has written, and close the pipe, whoever of its
        children would go on.
        """
        if self._fd < 0:
            return
        self._pause()
        # Where the system has no memory for it: what came before is logged all the same.
        with suppress(OSError):
            self._readOnce()
        os.close(self._fd)
        self._fd = -1
        if self._rest:
            self._lines.append(self._rest)
        self._say(LAST_LINES)
        if self._lines:
            self._said.stray(_text(b"\n".join(self._lines)))
            self._lines.clear()

    def _pause(self) -> None:
        self._reader.stop()
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _read(self) -> None:
        self._sayOn(reads=True)

    def _sayOn(self, reads: bool = False) -> None:
        """
        Log some lines, and read on when there are no more.
        """
        self._next = None
        work = self._readAndSay if reads else self._sayWhatMay
        rest = self._said.share.restAfter(work)
        if not self._lines and self._isTooMuch:
            self._isTooMuch = False
            rest = max(rest, REST)
        if self._lines or rest:
            self._reader.stop()
            self._next = self._reactor.callLater(rest, self._sayOn)
        elif self._isOpen:
            self._reader.start()
        else:
            self._reader.stop()
            if self._ended is not None:
                self.finish()
                self._ended()

    def _readAndSay(self) -> None:
        self._isOpen = self._readOnce()
        self._sayWhatMay()

    def _sayWhatMay(self) -> None:
        most: float = LINES if self._ended is None else LINES_OF_OTHERS
        while self._lines and most > 0:
            line = self._lines.popleft()
            if self._said.lets(len(line)):
                self._said.stray(_text(line))
                most -= 1
            else:
                self._isTooMuch = True
                most -= 1 / LEFT_OUT

    def _say(self, most: int) -> None:
        for _ in range(min(most, len(self._lines))):
            self._said.stray(_text(self._lines.popleft()))

    def _readOnce(self) -> bool:
        """
        @return: Whether more can come.
        """
        try:
            data = os.read(self._fd, PIPE)
        except BlockingIOError:
            return True
        if not data:
            return False
        self._isTooMuch |= len(data) == PIPE
        if b"\n\n" in data:
            # Empty lines say nothing, and may be very many.
            data = _EMPTY.sub(b"\n", data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._lines.extend(filter(None, lines))
        if len(self._rest) > PIPE:
            self._lines.append(self._rest)
            self._rest = b""
        return True


def _input() -> int:
    with suppress(OSError):
        # What Python has opened there, where nothing was, is not inherited.
        if os.get_inheritable(0):
            return os.dup(0)
    return os.open(os.devnull, os.O_RDONLY)


def _text(line: bytes) -> str:
    return line.decode("utf-8", "backslashreplace")
