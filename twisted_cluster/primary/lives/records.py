"""
What workers log, on a wire of its own.
"""

from __future__ import annotations

import socket

from twisted_cluster.core.records import LONGEST_RECORD, readLogRecord
from twisted_cluster.errors import MessageError
from twisted_cluster.primary.lives.said import Said
from twisted_cluster.reactors import IPollingReactor
from twisted_cluster.wire.passing import isOver, take
from twisted_cluster.wire.reader import Reader

# To log a record takes some 50 us: so many are a turn of 3 ms, and a worker that logs
# without end delays nobody by more.
RECORDS = 64
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
                self._take(LAST_RECORDS)
            finally:
                self._end.close()

    def _read(self) -> None:
        if not self._take(RECORDS):
            self._reader.stop()

    def _take(self, most: int) -> bool:
        """
        @return: Whether more can come.
        """
        for _ in range(most):
            try:
                data, _, _, _ = take(self._end, LONGEST_RECORD, 0)
            except BlockingIOError:
                return True
            except ConnectionError:
                return False
            if data:
                self._hear(data)
            elif isOver(self._end):
                return False
        return True

    def _hear(self, data: bytes) -> None:
        try:
            record = readLogRecord(data)
        except MessageError as error:
            self._said.record("error", "-", str(error))
        else:
            self._said.record(record.level, record.system, record.text)
