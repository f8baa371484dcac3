"""
What workers log, on a wire of its own.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence

from twisted_cluster.core.records import (
    LAST_ALONG,
    LONGEST_DATAGRAM,
    LONGEST_RECORD,
    readRecord,
)
from twisted_cluster.errors import MessageError
from twisted_cluster.primary.lives.events import eventOf
from twisted_cluster.primary.lives.said import Said
from twisted_cluster.reactors import IPollingReactor
from twisted_cluster.wire import memfd
from twisted_cluster.wire.closing import discard, discardEnd
from twisted_cluster.wire.passing import isOver, take
from twisted_cluster.wire.reader import Reader

# To log a record takes some 50 us, and of a long one some 10 us for each KB: so much is a
# turn of 3 ms, and a worker that logs without end delays nobody by more than one record
# besides.
RECORDS = 64
BYTES = 1 << 18
# More than a socket's buffer can hold.
LAST_RECORDS = 512


class Records:
    """
    One worker's log records.
    """

    def __init__(self, reactor: IPollingReactor, end: socket.socket, said: Said) -> None:
        """
        @param end: The primary's end of the log; this owns it from now on.
        @param said: What hears it.
        """
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
            self._reader.stop()
            try:
                self._take(LAST_RECORDS, LAST_ALONG)
                self._said.complain(
                    "what it has logged last is lost: too much waited when it ended"
                )
            except (BlockingIOError, ConnectionError):
                pass
            finally:
                discardEnd(self._end)

    def _read(self) -> None:
        try:
            self._take(RECORDS, BYTES)
        except BlockingIOError:
            pass
        except ConnectionError:
            self._reader.stop()

    def _take(self, most: int, size: int) -> None:
        """
        @param most: So many records, or
        @param size: so many bytes: then the rest has to wait.
        @raise BlockingIOError: If there are no more.
        @raise ConnectionError: If no more can come.
        """
        while most > 0 and size > 0:
            data, fds, isTruncated, isCut = take(self._end, LONGEST_DATAGRAM, 1)
            if data:
                size -= self._hear(data, fds, isTruncated or isCut)
            else:
                discard(fds)
                if isOver(self._end):
                    raise ConnectionResetError
            most -= 1

    def _hear(self, data: bytes, fds: Sequence[int], isCut: bool) -> int:
        """
        @return: How many bytes it was.
        """
        try:
            if fds:
                data = _readLong(fds)
            if isCut:
                raise MessageError("a record has lost something on its way")
            event = eventOf(readRecord(data), len(data))
        except (MessageError, OSError) as error:
            self._said.complain(f"it logs what is no record: {error}")
        else:
            self._said.record(event, len(data))
        return len(data)


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
