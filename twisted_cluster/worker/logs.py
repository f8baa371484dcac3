"""
A worker's log, on its way to the primary.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import socket
import struct
import termios
import time
from collections.abc import Sequence

from twisted.logger import ILogObserver, LogEvent, LogLevel
from zope.interface import implementer

from twisted_cluster.core.records import (
    ALONG,
    LONGEST_DATAGRAM,
    MOST_ALONG,
    packText,
)
from twisted_cluster.wire import memfd
from twisted_cluster.wire.passing import give
from twisted_cluster.worker.events import recordOf, textOf

INFO = LogLevel.info.name
# From the least on.
LEVELS = tuple(level.name for level in LogLevel.iterconstants())
# Seconds for which a primary that does not read holds this process up; once, until it
# reads again.
PATIENCE = 1.0
# So long a datagram may be on every system.
ANYWHERE = 2048
# For the moment there is no room: not for this much, not for another descriptor.
FULL = (errno.EAGAIN, errno.ETOOMANYREFS, errno.ENOBUFS, errno.ENOMEM)


@implementer(ILogObserver)
class RecordWriter:
    """
    Writes each event as one datagram, so that neither threads nor children of this
    process can tear one apart.
    """

    def __init__(self, end: socket.socket, least: str = INFO) -> None:
        """
        @param end: The worker's end of the log; what has no room there waits for
            L{PATIENCE}, and is lost then. The next that has room says how many were.
        @param least: The least level that the primary wants to hear of, by its name.
        """
        self._end = end
        self._untold = LEVELS[: LEVELS.index(least)]
        self._lost = 0
        # Bytes that went along since the primary was seen to have read all.
        self._along = 0
        self._isReading = True
        # The most bytes of a datagram, as far as is known.
        self._longest = LONGEST_DATAGRAM
        self._pid = os.getpid()
        self._file = _fileOf(end)

    def __call__(self, event: LogEvent) -> None:
        level: str = getattr(event.get("log_level"), "name", "")
        if level in self._untold:
            return
        try:
            if self._isThere():
                self._tell(event, level if level in LEVELS else INFO)
        except OSError:
            # There is no primary any more, and nowhere else to say anything.
            pass

    def _isThere(self) -> bool:
        """
        In a child, before it becomes another program, any other thing may have the
        number that this had, such as a client's connection.

        @raise OSError: If there is nothing at all.
        """
        if os.getpid() == self._pid:
            return True
        return _fileOf(self._end) == self._file

    def _tell(self, event: LogEvent, level: str) -> None:
        packed = recordOf(event, level)
        if len(packed) <= self._longest and self._fits(packed):
            return
        try:
            fd = memfd.holding(packed)
        except OSError:
            while not self._fits(textOf(event, level, self._longest)):
                pass
            return
        try:
            self._awaitReader(len(packed))
            self._write(ALONG, [fd])
        finally:
            os.close(fd)

    def _awaitReader(self, size: int) -> None:
        """
        Of what takes no room there is not to be more than the primary can read at once,
        when this process has ended.
        """
        deadline = time.monotonic() + PATIENCE
        while self._along + size > MOST_ALONG:
            if _isAllRead(self._end):
                self._along, self._isReading = 0, True
            elif not self._isReading or time.monotonic() > deadline:
                self._isReading = False
                break
            else:
                time.sleep(0.001)
        self._along += size

    def _fits(self, packed: bytes) -> bool:
        """
        Write something, if the socket's buffer is not smaller than that: then half of it
        is the most from now on.
        """
        try:
            self._write(packed)
        except OSError as error:
            if error.errno != errno.EMSGSIZE or self._longest <= ANYWHERE:
                raise
            self._longest = max(ANYWHERE, len(packed) // 2)
            return False
        return True

    def _write(self, packed: bytes, fds: Sequence[int] = ()) -> None:
        send = self._sendLater if self._lost else self._sendSoon
        if not send(packed, fds):
            self._lost += 1

    def _sendLater(self, packed: bytes, fds: Sequence[int]) -> bool:
        """
        Send what comes after others were lost, if there is room for both.
        """
        text = f"{self._lost} records are lost: the primary did not read"
        head = {"log_level": "warn", "log_namespace": "-", "log_time": time.time()}
        if not self._send(packText(head, text, LONGEST_DATAGRAM)):
            return False
        self._lost = 0
        return self._send(packed, fds)

    def _sendSoon(self, packed: bytes, fds: Sequence[int]) -> bool:
        """
        Send at once, or as soon as there is room.
        """
        if self._send(packed, fds):
            return True
        deadline = time.monotonic() + PATIENCE
        poll = select.poll()
        poll.register(self._end, select.POLLOUT)
        while (left := deadline - time.monotonic()) > 0:
            poll.poll(left * 1000)
            if self._send(packed, fds):
                return True
            # There may be room, and not enough.
            time.sleep(0.001)
        return False

    def _send(self, packed: bytes, fds: Sequence[int] = ()) -> bool:
        """
        @return: Whether there was room.
        """
        try:
            give(self._end, (packed,), fds)
        except OSError as error:
            if error.errno in FULL:
                return False
            raise
        return True


def _isAllRead(end: socket.socket) -> bool:
    """
    Whether nothing waits to be read at the other end; true where that cannot be known.
    """
    try:
        known = fcntl.ioctl(end.fileno(), termios.TIOCOUTQ, struct.pack("i", 0))
    except OSError:
        return True
    return not any(known)


def _fileOf(end: socket.socket) -> tuple[int, int]:
    status = os.fstat(end.fileno())
    return status.st_dev, status.st_ino
