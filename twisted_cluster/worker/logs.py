"""
A worker's log records, on their way to the primary.
"""

from __future__ import annotations

import select
import socket
import time

from twisted.logger import ILogObserver, LogEvent, LogLevel, eventAsText
from zope.interface import implementer

from twisted_cluster.core.records import Record, packLogRecord
from twisted_cluster.wire.descriptors import LOG

# Seconds for which a primary that does not read holds this process up; once, until it
# reads again.
PATIENCE = 1.0


@implementer(ILogObserver)
class RecordWriter:
    """
    Writes each event as one datagram, so that neither threads nor children of this
    process can tear one apart.
    """

    def __init__(self, end: socket.socket) -> None:
        """
        @param end: The worker's end of the log; what has no room there waits for
            L{PATIENCE}, and is lost then. The next that has room says how many were.
        """
        self._end = end
        self._lost = 0

    def __call__(self, event: LogEvent) -> None:
        text = eventAsText(event, includeTimestamp=False, includeSystem=False)
        level = event.get("log_level") or LogLevel.info
        system = event.get("log_system")
        if system is None:
            # As Twisted's own text log has it.
            system = f"{event.get('log_namespace', '-')}#{level.name}"
        try:
            self._write(packLogRecord(Record(level.name, str(system), text)))
        except OSError:
            # There is no primary any more, and nowhere else to say anything.
            pass

    def _write(self, packed: bytes) -> None:
        isSent = self._sendLater(packed) if self._lost else self._sendSoon(packed)
        if not isSent:
            self._lost += 1

    def _sendLater(self, packed: bytes) -> bool:
        """
        Send what comes after others were lost, if there is room for both.
        """
        lost, why = self._lost, "records are lost: the primary did not read"
        if not self._send(packLogRecord(Record("warn", "-", f"{lost} {why}"))):
            return False
        self._lost = 0
        return self._send(packed)

    def _sendSoon(self, packed: bytes) -> bool:
        """
        Send at once, or as soon as there is room.
        """
        if self._send(packed):
            return True
        deadline = time.monotonic() + PATIENCE
        poll = select.poll()
        poll.register(self._end, select.POLLOUT)
        while (left := deadline - time.monotonic()) > 0:
            poll.poll(left * 1000)
            if self._send(packed):
                return True
        return False

    def _send(self, packed: bytes) -> bool:
        """
        @return: Whether there was room.
        """
        try:
            self._end.send(packed, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        return True


def observer() -> object:
    """
    What twistd's C{--logger} calls.
    """
    from twisted.internet import reactor

    first: int = reactor.clusterLink.told.first  # type: ignore[attr-defined]
    return RecordWriter(socket.socket(fileno=first + LOG))
