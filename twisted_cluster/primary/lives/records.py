"""
What workers log, on a wire of its own.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator, Sequence

from twisted.internet.interfaces import IDelayedCall

from twisted_cluster.core.records import (
    LAST_ALONG,
    LONGEST_DATAGRAM,
    LONGEST_RECORD,
    readInSteps,
)
from twisted_cluster.errors import ClusterError, MessageError
from twisted_cluster.primary.lives.events import eventOf
from twisted_cluster.primary.lives.said import Said
from twisted_cluster.reactors import IPollingReactor
from twisted_cluster.wire import memfd
from twisted_cluster.wire.closing import discard, discardEnd
from twisted_cluster.wire.passing import Come, isOver, take
from twisted_cluster.wire.reader import Reader

# To log a record takes some 50 us: so many are a turn of 1 ms, and a worker that logs
# without end delays nobody by more.
RECORDS = 16
# Nor more than takes so many seconds of the processor's: what is no record may take long
# to be seen as none.
LONG = 0.001
# Bytes: what is longer is read in steps, of which each is a turn of its own. To log such
# a record takes some 5 us for each KB.
SHORT = 1 << 14
# More than a socket's buffer can hold.
LAST_RECORDS = 512
# Seconds of the processor's that these may take.
LAST_LONG = 0.03
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
        self._isOver = False
        # What is left to be done for a long record.
        self._steps: Iterator[None] = iter(())
        self._isHalfRead = False
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
                self._sayAll()
                self._take(LAST_RECORDS, LAST_ALONG, LAST_LONG)
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
        rest = self._said.share.restAfter(self._readSome)
        if self._isTooMuch:
            rest = max(rest, REST)
        isWaiting = bool(rest) or self._isHalfRead
        if isWaiting and self._resting is None and not self._isOver:
            self._reader.stop()
            self._resting = self._reactor.callLater(rest, self._goOn)

    def _readSome(self) -> None:
        if self._isHalfRead:
            self._isHalfRead = next(self._steps, self) is None
            return
        try:
            self._take(RECORDS, LONGEST_RECORD, LONG, isLimited=True)
        except BlockingIOError:
            pass
        except ConnectionError:
            self._isOver = True
            self._stop()

    def _goOn(self) -> None:
        self._resting = None
        self._reader.start()
        if self._isHalfRead:
            # There may be nothing more to read.
            self._reader.doRead()

    def _sayAll(self) -> None:
        for _ in self._steps:
            pass
        self._isHalfRead = False

    def _stop(self) -> None:
        self._reader.stop()
        resting, self._resting = self._resting, None
        if resting is not None:
            resting.cancel()

    def _take(
        self, most: float, size: int, seconds: float, isLimited: bool = False
    ) -> None:
        """
        @param most: So many records, or
        @param size: so many bytes, or
        @param seconds: what takes so long: then the rest has to wait.
        @param isLimited: Whether it is not to log more than it may, nor long records at
            once.
        @raise BlockingIOError: If there are no more.
        @raise ConnectionError: If no more can come.
        """
        end = time.thread_time() + seconds
        while most > 0 and size > 0 and time.thread_time() < end:
            come = take(self._end, LONGEST_DATAGRAM, 1)
            if not come[0] and isOver(self._end):
                discard(come[1])
                raise ConnectionResetError
            heard = self._hear(come, isLimited)
            size -= heard
            most -= 1 if heard else LEFT_OUT
            if self._isHalfRead:
                return

    def _hear(self, come: Come, isLimited: bool) -> int:
        """
        @return: How many bytes that was; 0 if it was left out.
        """
        try:
            data = self._letIn(come) if isLimited else _wholeOf(come)
        except (MessageError, OSError) as error:
            self._complain(error)
            return 1
        if data is None:
            return 0
        self._steps = self._stepsOf(data)
        if isLimited and len(data) > SHORT:
            self._isHalfRead = True
        else:
            self._sayAll()
        return max(1, len(data))

    def _letIn(self, come: Come) -> bytes | None:
        """
        @return: The record; nothing if it is more than may be logged: then it is not
            looked at.
        @raise OSError: As L{_wholeOf}.
        @raise MessageError: The same.
        """
        data, fds, _, _ = come
        try:
            size = memfd.sizeOf(fds[0]) if fds else len(data)
        except OSError:
            discard(fds)
            raise
        if not self._lets(min(size, LONGEST_RECORD), 1):
            discard(fds)
            return None
        data = _wholeOf(come)
        # As JSON has them.
        lines = data.count(rb"\n") if b"\\" in data else 0
        return data if not lines or self._lets(len(data) - size, lines) else None

    def _lets(self, size: int, lines: int) -> bool:
        mayLog = self._said.lets(max(0, size), lines)
        self._isTooMuch |= not mayLog
        return mayLog

    def _stepsOf(self, data: bytes) -> Iterator[None]:
        try:
            told = yield from readInSteps(data)
            yield
            event = eventOf(told, len(data))
        except MessageError as error:
            self._complain(error)
        else:
            yield
            self._said.record(event, len(data))

    def _complain(self, error: Exception) -> None:
        self._refused += 1
        if self._refused < MOST_REFUSED:
            self._said.complain(f"it logs what is no record: {error}")
        elif self._refused == MOST_REFUSED:
            why = f"{MOST_REFUSED} times it has logged what is no record"
            self._refuse(MessageError(f"{why}, such as this: {error}"))


def _wholeOf(come: Come) -> bytes:
    """
    @raise OSError: If what came along is no file in memory.
    @raise MessageError: If it is no whole record.
    """
    data, fds, isTruncated, isCut = come
    if fds:
        data = _readAlong(fds)
    if isTruncated or isCut:
        raise MessageError("a record has lost something on its way")
    return data


def _readAlong(fds: Sequence[int]) -> bytes:
    try:
        data = memfd.read(fds[0], LONGEST_RECORD + 1)
    finally:
        discard(fds)
    if len(data) > LONGEST_RECORD:
        raise MessageError(f"longer than {LONGEST_RECORD} bytes")
    return data
