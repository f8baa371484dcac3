"""
What workers log, on a wire of its own.
"""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Callable, Sequence

from twisted.internet.interfaces import IDelayedCall

from twisted_cluster.core.records import (
    LAST_ALONG,
    LONGEST_DATAGRAM,
    LONGEST_RECORD,
    readRecord,
)
from twisted_cluster.errors import ClusterError, MessageError
from twisted_cluster.primary.lives.events import eventOf
from twisted_cluster.primary.lives.said import Said
from twisted_cluster.primary.lives.share import Share
from twisted_cluster.reactors import IPollingReactor
from twisted_cluster.wire import memfd
from twisted_cluster.wire.closing import discard, discardEnd
from twisted_cluster.wire.passing import isOver, take
from twisted_cluster.wire.reader import Reader

# To log a record takes some 50 us, and of a long one some 10 us for each KB: so much is a
# turn of 2 ms, and a worker that logs without end delays nobody by more than one record
# besides.
RECORDS = 32
BYTES = 1 << 18
# Nor more than takes so many seconds: what is no record may take long to be seen as none.
LONG = 0.002
# More than a socket's buffer can hold.
LAST_RECORDS = 512
# What is left out takes an eighth of the time.
LEFT_OUT = 0.125
# Seconds: who logs too much is not read for a moment, so that it takes no more of this
# process's time than one that logs as much as it may; the socket has room for as long.
REST = 0.02
# A worker that works sends none: one that does not is not to fill the log with them.
MOST_REFUSED = 100


class Records:
    """
    One worker's log records.
    """

    def __init__(
        self,
        reactor: IPollingReactor,
        end: socket.socket,
        said: Said,
        refuse: Callable[[ClusterError], None],
    ) -> None:
        """
        @param end: The primary's end of the log; this owns it from now on.
        @param said: What hears it.
        @param refuse: Called when it is no worker of ours any more that logs.
        """
        self._reactor = reactor
        self._refuse = refuse
        self._refused = 0
        # It logs more than it may.
        self._isTooMuch = False
        self._share = Share()
        self._isOver = False
        self._resting: IDelayedCall | None = None
        end.setblocking(False)
        self._end = end
        self._said = said
        self._reader = Reader(reactor, end.fileno, self._read, "a worker's log")
        self._reader.start()

    def finish(self) -> None:
        """
        The worker is gone: log what it has said, and close this.
        """
        if self._end.fileno() >= 0:
            self._stop()
            try:
                self._take(LAST_RECORDS, LAST_ALONG)
                self._said.complain(
                    "what it has logged last is lost: too much waited when it ended"
                )
            except (BlockingIOError, ConnectionError):
                pass
            finally:
                self._said.tellLeftOut()
                discardEnd(self._end)

    def _read(self) -> None:
        self._isTooMuch = False
        rest = self._share.restAfter(self._readSome)
        if self._isTooMuch:
            rest = max(rest, REST)
        if rest and self._resting is None and not self._isOver:
            self._reader.stop()
            self._resting = self._reactor.callLater(rest, self._goOn)

    def _readSome(self) -> None:
        try:
            self._take(RECORDS, BYTES, isLimited=True)
        except BlockingIOError:
            pass
        except ConnectionError:
            self._isOver = True
            self._stop()

    def _goOn(self) -> None:
        self._resting = None
        self._reader.start()

    def _stop(self) -> None:
        self._reader.stop()
        resting, self._resting = self._resting, None
        if resting is not None:
            resting.cancel()

    def _take(self, most: float, size: int, isLimited: bool = False) -> None:
        """
        @param most: So many records, or
        @param size: so many bytes: then the rest has to wait.
        @param isLimited: Whether it is not to log more than it may.
        @raise BlockingIOError: If there are no more.
        @raise ConnectionError: If no more can come.
        """
        end = time.monotonic() + LONG if isLimited else math.inf
        while most > 0 and size > 0 and time.monotonic() < end:
            data, fds, isTruncated, isCut = take(self._end, LONGEST_DATAGRAM, 1)
            if data and isLimited and not fds and not self._lets(data):
                most -= LEFT_OUT
                continue
            if data:
                size -= self._hear(data, fds, isTruncated or isCut, isLimited)
            else:
                discard(fds)
                if isOver(self._end):
                    raise ConnectionResetError
            most -= 1

    def _lets(self, data: bytes) -> bool:
        # As JSON has them.
        mayLog = self._said.lets(len(data), 1 + data.count(rb"\n"))
        self._isTooMuch |= not mayLog
        return mayLog

    def _hear(self, data: bytes, fds: Sequence[int], isCut: bool, isLimited: bool) -> int:
        """
        @return: How many bytes it was.
        """
        try:
            if fds:
                data = _readLong(fds)
                if isLimited and not self._lets(data):
                    return len(data)
            if isCut:
                raise MessageError("a record has lost something on its way")
            event = eventOf(readRecord(data), len(data))
        except (MessageError, OSError) as error:
            self._complain(error)
        else:
            self._said.record(event, len(data))
        return len(data)

    def _complain(self, error: Exception) -> None:
        self._refused += 1
        if self._refused < MOST_REFUSED:
            self._said.complain(f"it logs what is no record: {error}")
        elif self._refused == MOST_REFUSED:
            why = f"{MOST_REFUSED} times it has logged what is no record"
            self._refuse(MessageError(f"{why}, such as this: {error}"))


def _readLong(fds: Sequence[int]) -> bytes:
    """
    @raise OSError: If that is no file in memory.
    """
    try:
        data = memfd.read(fds[0], LONGEST_RECORD + 1)
    finally:
        discard(fds)
    if len(data) > LONGEST_RECORD:
        raise MessageError(f"longer than {LONGEST_RECORD} bytes")
    return data
